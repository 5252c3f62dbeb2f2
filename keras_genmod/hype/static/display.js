// Shows images for whole frames of the display, and says what it has shown.

const FRAMES_MEASURED = 60;

export function nextFrame() {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}

// Returns the milliseconds of a frame: of steps near the median the mean, so that
// neither a dropped frame nor a clock of whole milliseconds counts.
export async function measureFrame() {
  const steps = [];
  let before = await nextFrame();
  for (let i = 0; i < FRAMES_MEASURED; i++) {
    const now = await nextFrame();
    steps.push(now - before);
    before = now;
  }
  const median = [...steps].sort((a, b) => a - b)[FRAMES_MEASURED >> 1];
  const near = steps.filter((s) => s > 0.5 * median && s < 1.5 * median);
  return near.reduce((sum, step) => sum + step, 0) / near.length;
}

// Draws each step inside a frame and the next one when its time is over. Returns for
// each how long it was there by the times of the frames, and how many were left out.
export async function present(steps, frame) {
  const seen = [];
  let start = await nextFrame();
  for (const step of steps) {
    step.draw();
    const count = Math.max(1, Math.round(step.ms / frame));
    let before = start;
    let dropped = 0;
    for (let i = 0; i < count; i++) {
      const now = await nextFrame();
      dropped += Math.max(0, Math.round((now - before) / frame) - 1);
      before = now;
    }
    seen.push({shown: before - start, dropped});
    start = before;
  }
  return seen;
}

// Returns an image that is decoded already: drawing it takes no time.
export async function load(id) {
  const image = new Image();
  image.src = `/image/${id}`;
  await image.decode();
  return createImageBitmap(image);
}

// The canvas: as many pixels as the screen has there, so that nothing is scaled twice.
export class Screen {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", {alpha: false});
    this.gap = 24;
  }

  // Makes room for so many images of a study side by side.
  fit(study, count) {
    const scale = study.display_px / Math.max(study.width, study.height);
    const whole = scale >= 2 ? Math.floor(scale) : scale;
    this.width = Math.round(study.width * whole);
    this.height = Math.round(study.height * whole);
    const full = count * this.width + (count - 1) * this.gap;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(full * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.width = `${full}px`;
    this.canvas.classList.toggle("enlarged", whole >= 2);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.imageSmoothingEnabled = whole < 2;
    this.full = full;
    this.blank();
  }

  blank() {
    this.context.fillStyle = "#808080";
    this.context.fillRect(0, 0, this.full, this.height);
  }

  draw(images) {
    this.blank();
    images.forEach((image, i) => {
      const x = i * (this.width + this.gap);
      this.context.drawImage(image, x, 0, this.width, this.height);
    });
  }

  write(text) {
    this.blank();
    this.context.fillStyle = "#ffffff";
    this.context.font = `600 ${Math.round(this.height / 4)}px system-ui, sans-serif`;
    this.context.textAlign = "center";
    this.context.textBaseline = "middle";
    this.context.fillText(text, this.full / 2, this.height / 2);
  }
}
