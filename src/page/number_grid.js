/**
 * A small table of numbers on the color of their value.
 *
 * Cells are {value, text, padding, winner}: `padding` cells lie outside of the maps, `winner` gets a frame.
 */
class NumberGrid {
  /**
   * @param {string} caption
   * @param {number} columns
   * @param {{value: number, padding?: boolean, winner?: boolean}[]} cells  row by row
   * @param {ValueColors} colors
   * @param {number=} scale  the size of value that gets the full color
   */
  constructor(caption, columns, cells, colors, scale = Math.max(...cells.map(({ value }) => Math.abs(value)))) {
    this.columns = columns;
    this.cells = cells.map((cell, i) => this.#cell(cell, i, colors, scale));
    this.table = element('table', { class: 'numbers' }, element('tbody', {}, ...this.#rows()));
    this.node = element('figure', { class: 'grid-figure' }, element('figcaption', {}, caption), this.table);
  }

  #cell({ value, padding, winner }, index, colors, scale) {
    const { style, strong } = colors.ofCell(value, scale);
    const classes = [strong && 'strong', padding && 'padding', winner && 'winner'].filter(Boolean).join(' ');
    return element('td', { class: classes || null, style: padding ? null : style, 'data-cell': index },
      padding ? 'pad' : cellNumber(value));
  }

  #rows() {
    const rows = [];
    for (let first = 0; first < this.cells.length; first += this.columns)
      rows.push(element('tr', {}, ...this.cells.slice(first, first + this.columns)));
    return rows;
  }

  /** Frames one cell, or none if it is negative. */
  point(index) {
    this.cells.forEach((cell, i) => cell.classList.toggle('pointed', i === index));
  }

  /** Calls listener(cell) when the pointer is on another cell. */
  onPoint(listener) {
    this.table.addEventListener('pointerover', (event) => {
      const cell = event.target.closest('td');
      if (cell) listener(Number(cell.dataset.cell));
    });
  }

  /** Lets the arrow keys choose a cell. @param {string} label  for screen readers @param {number} start */
  onKeys(label, start, listener) {
    this.table.tabIndex = 0;
    this.table.setAttribute('aria-label', label);
    let place = start;
    this.onPoint((cell) => { place = cell; });
    this.table.addEventListener('keydown', (event) => {
      const size = { width: this.columns, count: this.cells.length };
      const next = cellAfterKey(size, place, event.key);
      if (next === null) return;
      event.preventDefault();
      place = next;
      listener(place);
    });
  }
}

/** Grids side by side with signs between them; a cell that is pointed at is framed in all of them. */
function linkedGrids(grids, signs, onPoint) {
  const row = element('div', { class: 'grids' });
  grids.forEach((grid, i) => {
    if (i > 0) row.append(element('span', { class: 'sign', 'aria-hidden': 'true' }, signs[i - 1]));
    row.append(grid.node);
    grid.onPoint((cell) => {
      for (const other of grids) other.point(cell);
      onPoint(cell);
    });
  });
  return row;
}
