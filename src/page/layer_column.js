/** A layer with more maps shows the most active ones, and as many more each time somebody asks. */
const MAPS_SHOWN = 6, MAPS_MORE = 16;

/**
 * The pictures that a layer's values are cut into: one for each map, or one for a whole vector.
 * @param {number[]} shape  [C, H, W]
 * @returns {{channel: number|null, first: number, width: number, height: number, count: number}[]}
 */
function tilesOf([channels, height, width]) {
  const count = height * width;
  if (count > 1)
    return Array.from({ length: channels }, (_, channel) =>
      ({ channel, first: channel * count, width, height, count }));
  const columns = channels <= 16 ? 1 : Math.ceil(Math.sqrt(channels));
  return [{ channel: null, first: 0, width: columns, height: Math.ceil(channels / columns), count: channels }];
}

/** One layer of the strip: what it is called, its size, and its maps, which answer to pointer and keys. */
class LayerColumn {
  /**
   * @param {{index: number, name: string, shape: number[], facts: Node[], labels?: string[]}} layer  index -1: the
   *     input; labels: names of the values of a vector
   * @param {ValueColors} colors
   * @param {object} page
   * @param {function(number, number, boolean)} page.onPoint  (layer, index of the value, whether by a key)
   * @param {function(number, number)} page.onHold
   * @param {function()} page.onMore  more maps are shown
   * @param {function(number): number} page.pointedIn  the pointed value of a layer, or -1
   */
  constructor(layer, colors, page) {
    Object.assign(this, { index: layer.index, name: layer.name, shape: layer.shape, labels: layer.labels, ...page });
    this.tiles = tilesOf(layer.shape).map((tile) => ({ ...tile, picture: new Picture(tile, colors) }));
    this.order = this.tiles.map((_, i) => i);
    this.shown = MAPS_SHOWN;
    this.range = element('p', { class: 'quiet range' });
    const rows = this.tiles.length > 4 ? 'two' : this.tiles.length === 1 ? 'one' : '';
    const attributes = { tabindex: 0, role: 'application', 'aria-label': this.#label() };
    this.maps = element('div', { class: `maps ${rows}`, ...attributes });
    this.more = element('button', { type: 'button', class: 'more', onclick: () => this.#showMore() });
    this.node = element('article', { class: 'layer', 'aria-label': layer.name },
      element('h3', { title: layer.name }, layer.name), ...layer.facts,
      this.range, this.maps, this.more);
    this.tiles.forEach((tile, i) => this.#build(tile, i));
    this.#place();
    this.#listen();
  }

  /** Shows the values of the layer, or their gradients. @param {Float32Array} values @param {string} what */
  show(values, what = this.what) {
    Object.assign(this, { values, what });
    const scale = largestSize(values);
    setText(this.range, `${what} ${rangeText(values)}`);
    for (const i of this.#visible()) this.tiles[i].picture.paint(values, this.tiles[i].first, scale);
  }

  /** Puts the most active maps first if there are many. @param {Float32Array} values */
  arrange(values) {
    if (this.tiles.length <= MAPS_SHOWN) return;
    this.order = orderBySize(this.tiles.map(({ first, count }) => {
      let activity = 0;
      for (let i = first; i < first + count; ++i) activity += Math.abs(values[i]);
      return activity;
    }));
    this.#place();
  }

  /** Lets the values with these indices light up; all others fade. @param {number[]|null} indices */
  light(indices) {
    const cells = indices && this.tiles.map(() => []);
    if (indices) for (const i of indices) cells[this.#tileOf(i)].push(i - this.tiles[this.#tileOf(i)].first);
    for (const i of this.#visible()) this.tiles[i].picture.light(indices && cells[i]);
  }

  /**
   * Frames a value, and a window in some maps.
   * @param {number} index  -1: none
   * @param {{channels: Set<number>, x: number, y: number, width: number, height: number}|null} window
   */
  frame(index, window = null) {
    const tileOfIndex = index < 0 ? -1 : this.#tileOf(index);
    for (const i of this.#visible()) {
      const { picture, channel, first, width } = this.tiles[i], frames = [];
      if (window?.channels.has(channel)) frames.push({ ...window, kind: 'window' });
      if (i === tileOfIndex) frames.push(frameOfCell(index - first, width));
      picture.frame(frames);
    }
  }

  /** The index of the most active value of the first map. */
  strongest() {
    const { first, count } = this.tiles[this.order[0]];
    return first + orderBySize(this.values.subarray(first, first + count))[0];
  }

  /** The index of the pointed value, or -1 if it is in another layer. */
  pointed() {
    return this.pointedIn(this.index);
  }

  #label() {
    return `${this.name}, ${shapeText(this.shape)}. Arrow keys move the pointed value` +
      `${this.tiles.length > 1 ? ', Page Up and Page Down change the map' : ''}, Enter holds it.`;
  }

  #build(tile, i) {
    const isVector = tile.channel === null;
    tile.node = element('div', { class: isVector ? 'tile vector' : 'tile', 'data-tile': i }, tile.picture.node);
    if (!isVector) tile.node.append(element('span', { class: 'quiet' }, String(tile.channel)));
    else tile.node.style.setProperty('--columns', tile.width);
    if (this.labels && tile.width === 1)
      tile.node.append(element('ol', { class: 'labels' }, ...this.labels.map((label) => element('li', {}, label))));
  }

  #visible() {
    return this.order.slice(0, this.shown);
  }

  #place() {
    const hidden = this.tiles.length - this.shown;
    this.maps.replaceChildren(...this.#visible().map((i) => this.tiles[i].node));
    this.more.hidden = hidden <= 0;
    this.more.textContent = `${hidden} more`;
  }

  #showMore() {
    this.shown += MAPS_MORE;
    this.#place();
    this.show(this.values);
    this.onMore();
  }

  #tileOf(index) {
    return this.tiles.length === 1 ? 0 : Math.floor(index / this.tiles[0].count);
  }

  /** The index of the value under the pointer, or -1. */
  #indexAt(event) {
    const node = event.target.closest('.tile');
    if (!node) return -1;
    const { picture, first } = this.tiles[node.dataset.tile], cell = picture.cellAt(event);
    return cell < 0 ? -1 : first + cell;
  }

  #listen() {
    const point = (event) => {
      const index = this.#indexAt(event);
      if (index >= 0) this.onPoint(this.index, index);
    };
    this.maps.addEventListener('pointermove', point);
    this.maps.addEventListener('click', (event) => {
      const index = this.#indexAt(event);
      if (index >= 0) this.onHold(this.index, index);
    });
    this.maps.addEventListener('focus', () => {
      if (this.pointed() < 0 && this.maps.matches(':focus-visible')) this.onPoint(this.index, this.strongest());
    });
    this.maps.addEventListener('keydown', (event) => this.#key(event));
  }

  #key(event) {
    const pointed = this.pointed();
    if (pointed < 0) return;
    if (event.key === 'Enter') this.onHold(this.index, pointed);
    else if (event.key === 'PageDown') this.#changeMap(pointed, 1);
    else if (event.key === 'PageUp') this.#changeMap(pointed, -1);
    else if (!this.#move(pointed, event.key)) return;
    event.preventDefault();
  }

  #move(pointed, key) {
    const { first, picture } = this.tiles[this.#tileOf(pointed)];
    const cell = cellAfterKey(picture, pointed - first, key);
    if (cell === null) return false;
    this.onPoint(this.index, first + cell, true);
    return true;
  }

  #changeMap(pointed, step) {
    const tile = this.#tileOf(pointed), place = this.order.indexOf(tile) + step;
    if (place < 0 || place >= this.#visible().length) return;
    this.onPoint(this.index, this.tiles[this.order[place]].first + pointed - this.tiles[tile].first, true);
  }
}
