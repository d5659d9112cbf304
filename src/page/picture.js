/**
 * Values as a picture of colored cells, with places that light up and frames around some of them. Used for the
 * maps of a layer and for the terms of a sum.
 */
class Picture {
  /**
   * @param {{width: number, height: number, count: number}} size  cells; the last row may be incomplete
   * @param {ValueColors} colors
   */
  constructor({ width, height, count = width * height }, colors) {
    Object.assign(this, { width, height, count, colors });
    this.canvas = element('canvas', { width, height, 'aria-hidden': 'true' });
    this.veil = element('canvas', { class: 'veil', width, height, 'aria-hidden': 'true' });
    this.context = this.canvas.getContext('2d');
    this.veilContext = this.veil.getContext('2d');
    this.image = this.context.createImageData(width, height);
    this.node = element('div', { class: 'picture' }, this.canvas, this.veil);
    this.node.style.aspectRatio = `${width} / ${height}`;
    this.frames = [];
    this.pointed = -1;
    this.isLit = false;
  }

  /** Shows values[first], ... in the colors of `scale`. */
  paint(values, first, scale) {
    this.colors.fill(this.image.data, values, first, this.count, scale);
    this.context.putImageData(this.image, 0, 0);
  }

  /** Lets these cells light up: all others fade. @param {Iterable<number>|null} cells  null: none fades */
  light(cells) {
    if (!cells && !this.isLit) return;
    const context = this.veilContext;
    context.clearRect(0, 0, this.width, this.height);
    this.isLit = cells !== null;
    if (!cells) return;
    context.fillStyle = `rgba(${this.colors.paper.join(', ')}, 0.72)`;
    context.fillRect(0, 0, this.width, this.height);
    for (const cell of cells) context.clearRect(cell % this.width, Math.floor(cell / this.width), 1, 1);
  }

  /**
   * Draws frames instead of those before.
   * @param {{x: number, y: number, width: number, height: number, kind: string}[]} rectangles  in cells; parts
   *     outside of the picture are cut off
   */
  frame(rectangles) {
    while (this.frames.length < rectangles.length) {
      this.frames.push(element('i', { class: 'frame' }));
      this.node.append(this.frames.at(-1));
    }
    this.frames.forEach((frame, i) => {
      frame.hidden = i >= rectangles.length;
      if (!frame.hidden) placeFrame(frame, rectangles[i], this);
    });
  }

  /** Frames one cell, or none if it is negative. */
  frameCell(cell) {
    this.pointed = cell;
    this.frame(cell < 0 ? [] : [frameOfCell(cell, this.width)]);
  }

  /** The cell under the pointer, or -1. @param {PointerEvent} event */
  cellAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) / box.width * this.width);
    const y = Math.floor((event.clientY - box.top) / box.height * this.height);
    const cell = y * this.width + x;
    return x >= 0 && x < this.width && y >= 0 && cell < this.count ? cell : -1;
  }
}

/** The frame of one cell in a picture of this width. */
function frameOfCell(cell, width) {
  return { x: cell % width, y: Math.floor(cell / width), width: 1, height: 1, kind: 'pointed' };
}

/**
 * Puts a frame around a rectangle of cells; what lies outside is cut off.
 * @param {{width: number, height: number}} size  cells of the picture
 */
function placeFrame(frame, { x, y, width, height, kind }, size) {
  const left = Math.max(0, x), right = Math.min(size.width, x + width);
  const top = Math.max(0, y), bottom = Math.min(size.height, y + height);
  frame.hidden = right <= left || bottom <= top;
  frame.className = `frame ${kind}`;
  frame.style.left = `${100 * left / size.width}%`;
  frame.style.top = `${100 * top / size.height}%`;
  frame.style.width = `${100 * (right - left) / size.width}%`;
  frame.style.height = `${100 * (bottom - top) / size.height}%`;
}

/** The cell that a key moves to, or null if the key does not move. @param {Picture} picture */
function cellAfterKey(picture, cell, key) {
  const column = cell % picture.width;
  const steps = {
    ArrowLeft: column > 0 ? -1 : 0,
    ArrowRight: column < picture.width - 1 ? 1 : 0,
    ArrowUp: -picture.width,
    ArrowDown: picture.width,
    Home: -column,
    End: picture.width - 1 - column,
  };
  if (!(key in steps)) return null;
  const next = cell + steps[key];
  if (key === 'End') return Math.min(next, picture.count - 1);
  return next >= 0 && next < picture.count ? next : cell;
}
