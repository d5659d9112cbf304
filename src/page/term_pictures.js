/**
 * The terms of a parameter's gradient as pictures, one cell for each output pixel that the parameter touched:
 * the inputs that it met, the gradients there, and the products.
 */
class TermPictures {
  /**
   * @param {object} layer
   * @param {{terms: object[]}} sum  of weightTerms() or biasTerms(), in the order of the output pixels
   * @param {ValueColors} colors
   * @param {function(object)} onPoint  gets the pointed term
   */
  constructor(layer, sum, colors, onPoint) {
    Object.assign(this, { terms: sum.terms, colors, onPoint });
    this.size = { width: layer.outputShape[2], height: layer.outputShape[1] };
    const symbol = layer.activation === 'none' ? 'dy' : 'dz';
    const isBias = sum.terms[0].value === undefined;
    const shown = isBias ? [[`${symbol}: the terms`, 'gradient']]
      : [[`${symbol} there`, 'gradient'], ['input it met', 'value'], ['term', 'product']];
    this.pictures = shown.map(([, key]) => this.#picture(key));
    this.node = element('div', { class: 'grids' });
    this.pictures.forEach((picture, i) => {
      if (i > 0) this.node.append(element('span', { class: 'sign', 'aria-hidden': 'true' }, '×='[i - 1]));
      this.node.append(pictureFigure(picture, shown[i][0], (place) => this.point(place)));
    });
  }

  /** Frames a term in all pictures. */
  point(place) {
    for (const picture of this.pictures) picture.frameCell(place);
    this.onPoint(this.terms[place]);
  }

  #picture(key) {
    const picture = new Picture(this.size, this.colors), values = this.terms.map((term) => term[key]);
    picture.paint(values, 0, largestSize(values));
    return picture;
  }
}
