/** Width of a stroke as a share of the image's smaller side: about that of handwritten digits. */
const STROKE_SHARE = 0.095;

/**
 * Shows an image in gray or color.
 * @param {HTMLCanvasElement} canvas  of the image's size
 * @param {Float32Array} image  [C, H, W] in 0..1
 */
function paintImage(canvas, image) {
  const context = canvas.getContext('2d'), pixels = context.createImageData(canvas.width, canvas.height);
  const size = canvas.width * canvas.height, channels = image.length / size;
  for (let i = 0; i < size; ++i) {
    for (let c = 0; c < 3; ++c) pixels.data[4 * i + c] = 255 * image[(channels === 3 ? c : 0) * size + i];
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

/**
 * The input image, on which one can draw if it is gray. Strokes are drawn in the pixels of the network itself, so
 * nothing is resized.
 */
class DrawingBoard {
  /**
   * @param {number[]} shape  [C, H, W]
   * @param {number} ink  the value of a stroke, 0 or 1
   * @param {{onDraw: function(Float32Array), onStrokeEnd: function()}} listeners
   */
  constructor([channels, height, width], ink, listeners) {
    Object.assign(this, { channels, height, width, ink, ...listeners });
    this.canDraw = channels === 1;
    this.isErasing = false;
    this.last = null;
    this.canvas = element('canvas', { width, height, ...this.#labels() });
    this.cursor = Math.floor(height / 2) * width + Math.floor(width / 2);
    this.cursorFrame = element('i', { class: 'frame pointed', hidden: true });
    this.node = element('div', { class: 'picture board' }, this.canvas, this.cursorFrame);
    this.node.style.aspectRatio = `${width} / ${height}`;
    if (this.canDraw) this.#listen();
  }

  #labels() {
    if (!this.canDraw) return { role: 'img', 'aria-label': 'The input image' };
    return { tabindex: 0, role: 'img', 'aria-label':
      'The input image. Draw with mouse, pen or finger; or move with the arrow keys, and paint with the space bar.' };
  }

  /** @param {Float32Array} image  [C, H, W] in 0..1; drawing does not change it */
  show(image) {
    this.image = image;
    paintImage(this.canvas, image);
  }

  /** An image without a stroke. */
  blank() {
    return new Float32Array(this.channels * this.height * this.width).fill(1 - this.ink);
  }

  #listen() {
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.last = this.#place(event);
      this.#stroke([this.last], this.#erases(event));
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (!this.last) return;
      const events = event.getCoalescedEvents?.() ?? [];
      this.#stroke((events.length > 0 ? events : [event]).map((e) => this.#place(e)), this.#erases(event));
    });
    for (const end of ['pointerup', 'pointercancel'])
      this.canvas.addEventListener(end, () => {
        if (this.last) this.onStrokeEnd();
        this.last = null;
      });
    this.canvas.addEventListener('keydown', (event) => this.#key(event));
    this.canvas.addEventListener('blur', () => { this.cursorFrame.hidden = true; });
    this.canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** The other end of a pen erases, and so does the right button. */
  #erases(event) {
    return this.isErasing || (event.buttons & 34) !== 0;
  }

  /** Where the pointer is, in pixels of the image. */
  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) / box.width * this.width,
      y: (event.clientY - box.top) / box.height * this.height,
    };
  }

  /** Draws from the last place through these places. */
  #stroke(places, erases) {
    const image = this.image.slice();
    for (const place of places) {
      this.#line(image, this.last, place, erases ? 1 - this.ink : this.ink);
      this.last = place;
    }
    this.onDraw(image);
  }

  /** A line with round ends. A pixel at its edge is covered in part. */
  #line(image, from, to, value) {
    const radius = Math.max(0.6, STROKE_SHARE * Math.min(this.width, this.height) / 2);
    const reach = radius + 1;
    const range = (a, b, size) =>
      [Math.max(0, Math.floor(Math.min(a, b) - reach)), Math.min(size - 1, Math.ceil(Math.max(a, b) + reach))];
    const [left, right] = range(from.x, to.x, this.width), [top, bottom] = range(from.y, to.y, this.height);
    for (let y = top; y <= bottom; ++y)
      for (let x = left; x <= right; ++x) {
        const distance = distanceToLine({ x: x + 0.5, y: y + 0.5 }, from, to);
        const cover = Math.min(1, Math.max(0, radius + 0.5 - distance)), i = y * this.width + x;
        // Where strokes meet, the stronger one counts: their edges must not add up.
        const mixed = 1 - value + cover * (2 * value - 1);
        image[i] = value > 0.5 ? Math.max(image[i], mixed) : Math.min(image[i], mixed);
      }
  }

  /** Arrow keys move a cursor, the space bar paints there. */
  #key(event) {
    const next = cellAfterKey({ width: this.width, count: this.width * this.height }, this.cursor, event.key);
    if (next === null && event.key !== ' ') return;
    event.preventDefault();
    if (next !== null) this.cursor = next;
    else this.#paintAtCursor();
    placeFrame(this.cursorFrame, frameOfCell(this.cursor, this.width), this);
  }

  #paintAtCursor() {
    this.last = { x: this.cursor % this.width + 0.5, y: Math.floor(this.cursor / this.width) + 0.5 };
    this.#stroke([this.last], this.isErasing);
    this.last = null;
    this.onStrokeEnd();
  }
}

/** The distance of a point from the line between two points. */
function distanceToLine(point, from, to) {
  const dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((point.x - from.x) * dx + (point.y - from.y) * dy) / length;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - share * dx, point.y - from.y - share * dy);
}
