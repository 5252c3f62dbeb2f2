// Notes at which frame each image is painted, beside what the page says of it.
(() => {
  const ask = window.requestAnimationFrame.bind(window);
  const paint = CanvasRenderingContext2D.prototype.drawImage;
  let frame = 0;
  window.painted = [];
  window.requestAnimationFrame = (callback) => ask((time) => {
    frame = time;
    callback(time);
  });
  CanvasRenderingContext2D.prototype.drawImage = function (...all) {
    window.painted.push(frame);
    return paint.apply(this, all);
  };
})();
