// A display whose frames follow one another at once, and someone before it who
// presses keys: right above a threshold, right and wrong in turn below it.
(() => {
  const {frame, threshold, truth, failing} = window.given;
  const left = new Set(truth);
  const paint = CanvasRenderingContext2D.prototype.drawImage;
  let now = 0, painted = 0, guesses = 0, state = null, waiting = [];
  const turn = new MessageChannel();
  turn.port1.onmessage = () => {
    const callbacks = waiting;
    waiting = [];
    now += frame;
    callbacks.forEach((callback) => callback(now));
  };
  window.requestAnimationFrame = (callback) => {
    if (waiting.push(callback) === 1) turn.port2.postMessage(null);
    return 0;
  };
  performance.now = () => now;
  CanvasRenderingContext2D.prototype.drawImage = function (...all) {
    painted += 1;
    if (painted === failing.dropped) now += frame;
    if (painted === failing.hidden) {
      Object.defineProperty(document, "hidden", {value: true, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
      delete document.hidden;
    }
    return paint.apply(this, all);
  };
  const fetched = window.fetch;
  window.fetch = async (...all) => {
    const answer = await fetched(...all);
    const json = answer.json.bind(answer);
    answer.json = async () => {
      const value = await json();
      state = value.state ?? (value.stage ? value : state);
      return value;
    };
    return answer;
  };
  const act = () => {
    if (document.body.dataset.screen === "consent") {
      document.getElementById("agree").checked = true;
      document.getElementById("consent-form").requestSubmit();
    }
    if (document.body.dataset.screen === "ready") document.getElementById("go").click();
    if (document.body.dataset.screen === "answer") {
      const shown = Math.max(1, Math.round(state.exposure_ms / frame)) * frame;
      const right = shown >= threshold || guesses++ % 2 === 0;
      const key = left.has(state.images[0]) === right ? "ArrowLeft" : "ArrowRight";
      document.dispatchEvent(new KeyboardEvent("keydown", {key}));
    }
  };
  addEventListener("DOMContentLoaded", () => new MutationObserver(act).observe(
    document.body, {attributes: true, attributeFilter: ["data-screen"]}));
})();
