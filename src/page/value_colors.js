/** The colors of values: blue above 0, orange below, none at 0. They follow the page's light or dark style. */
class ValueColors {
  constructor() {
    this.read();
  }

  /** Takes the colors from the style sheet, again after a change between light and dark. */
  read() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).split(',').map(Number);
    this.zero = color('--zero');
    this.positive = color('--positive');
    this.negative = color('--negative');
    this.paper = color('--veil');
  }

  /** How strong the color of a value is, from 0 to 1. Small values stay visible. */
  strength(value, scale) {
    return scale > 0 ? Math.min(1, Math.abs(value) / scale) ** 0.75 : 0;
  }

  /**
   * Colors pixels of RGBA bytes.
   * @param {Uint8ClampedArray} bytes
   * @param {Float32Array|number[]} values
   * @param {number} first  index of the value of the first pixel
   * @param {number} count  how many pixels are values; the rest stays transparent
   * @param {number} scale  the size of value that gets the full color
   */
  fill(bytes, values, first, count, scale) {
    for (let i = 0; i < count; ++i) {
      const value = values[first + i];
      const strength = this.strength(value, scale), full = value < 0 ? this.negative : this.positive;
      for (let channel = 0; channel < 3; ++channel)
        bytes[4 * i + channel] = this.zero[channel] + strength * (full[channel] - this.zero[channel]);
      bytes[4 * i + 3] = 255;
    }
  }

  /** The color of a cell of a grid, for a style attribute, and whether its text must be light. */
  ofCell(value, scale) {
    const strength = this.strength(value, scale), full = value < 0 ? this.negative : this.positive;
    const mixed = this.zero.map((zero, channel) => Math.round(zero + strength * (full[channel] - zero)));
    return { style: `background: rgb(${mixed.join(', ')})`, strong: strength > 0.6 };
  }
}
