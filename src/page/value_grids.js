/** Grids with more columns are drawn without numbers. */
const NUMBER_COLUMNS = 11;

/**
 * Values in rows and columns. Cells are {value, padding, winner}: `padding` cells lie outside of the maps, the
 * `winner` gets a frame. Both kinds of grids have a node, point(cell), which frames a cell, onPoint(listener), and
 * cellOf(event), the cell under the pointer or -1.
 */
function valueGrid(caption, columns, cells, colors) {
  return new (columns <= NUMBER_COLUMNS ? NumberGrid : PictureGrid)(caption, columns, cells, colors);
}

/** A small table of numbers, each on the color of its value. */
class NumberGrid {
  /**
   * @param {string} caption
   * @param {number} columns
   * @param {{value: number, padding?: boolean, winner?: boolean}[]} cells  row by row
   * @param {ValueColors} colors
   */
  constructor(caption, columns, cells, colors) {
    const scale = Math.max(...cells.map(({ value }) => Math.abs(value)));
    Object.assign(this, { columns, pointed: -1 });
    this.cells = cells.map((cell, i) => this.#cell(cell, i, colors, scale));
    this.area = element('table', { class: 'numbers' }, element('tbody', {}, ...this.#rows()));
    this.node = gridFigure(caption, this.area);
  }

  get count() {
    return this.cells.length;
  }

  /** Frames one cell, or none if it is negative. */
  point(cell) {
    this.cells[this.pointed]?.classList.remove('pointed');
    this.cells[cell]?.classList.add('pointed');
    this.pointed = cell;
  }

  /** Calls listener(cell) when the pointer comes to another cell. */
  onPoint(listener) {
    this.area.addEventListener('pointerover', (event) => {
      const cell = this.cellOf(event);
      if (cell >= 0) listener(cell);
    });
  }

  cellOf(event) {
    return Number(event.target.closest('td')?.dataset.cell ?? -1);
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
}

/** The same without numbers, for many cells. */
class PictureGrid {
  constructor(caption, columns, cells, colors) {
    const values = cells.map(({ value }) => value), count = values.length;
    Object.assign(this, { columns, count });
    this.picture = new Picture({ width: columns, height: Math.ceil(count / columns), count }, colors);
    this.picture.paint(values, 0, largestSize(values));
    this.area = this.picture.node;
    this.area.classList.add('large');
    this.node = gridFigure(caption, this.area);
  }

  get pointed() {
    return this.picture.pointed;
  }

  point(cell) {
    this.picture.frameCell(cell);
  }

  onPoint(listener) {
    this.area.addEventListener('pointermove', (event) => {
      const cell = this.cellOf(event);
      if (cell >= 0 && cell !== this.pointed) listener(cell);
    });
  }

  cellOf(event) {
    return this.picture.cellAt(event);
  }
}

function gridFigure(caption, area) {
  return element('figure', { class: 'grid-figure' }, element('figcaption', {}, caption), area);
}

/** Whether a cell is held: then pointing at others changes nothing. */
class CellHold {
  isHeld = false;

  /** Holds this cell, or lets it go if it is the one that is held. */
  press(cell) {
    this.isHeld = !(this.isHeld && cell === this.cell);
    this.cell = cell;
  }

  release() {
    this.isHeld = false;
  }
}

/**
 * Grids of the same size side by side. A cell that is pointed at, or chosen with the arrow keys in the first grid, is
 * framed in all of them. A click, a tap or Enter holds it; the same once more or Escape lets it go.
 * @param {(NumberGrid|PictureGrid)[]} grids
 * @param {string[]} signs  between the grids
 * @param {string} label  of the first grid, for screen readers
 * @param {function(number)} onPoint  gets the cell
 * @param {CellHold} hold
 */
function linkedGrids(grids, signs, label, onPoint, hold = new CellHold()) {
  const row = element('div', { class: 'grids' });
  const point = (cell) => {
    for (const grid of grids) grid.point(cell);
    onPoint(cell);
  };
  const press = (cell) => {
    hold.press(cell);
    point(cell); // A tap has pointed at nothing before.
  };
  grids.forEach((grid, i) => {
    if (i > 0) row.append(element('span', { class: 'sign', 'aria-hidden': 'true' }, signs[i - 1]));
    row.append(grid.node);
    grid.onPoint((cell) => {
      if (!hold.isHeld) point(cell);
    });
    grid.area.addEventListener('click', (event) => {
      const cell = grid.cellOf(event);
      if (cell >= 0) press(cell);
    });
  });
  pointByKeys(grids[0], label, { point, press, release: () => hold.release() });
  return row;
}

/** Lets the arrow keys choose a cell of a grid, Enter hold it, and Escape let it go. */
function pointByKeys(grid, label, { point, press, release }) {
  const { area, columns, count } = grid;
  area.tabIndex = 0;
  area.setAttribute('role', 'application');
  area.setAttribute('aria-label', `${label}; arrow keys move the pointed cell, Enter holds it`);
  area.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') release();
    if (event.key === 'Enter' && grid.pointed >= 0) press(grid.pointed);
    const cell = cellAfterKey({ width: columns, count }, Math.max(0, grid.pointed), event.key);
    if (cell === null) return;
    event.preventDefault();
    point(cell);
  });
}
