/** More terms of a sum are not written out. */
const TERMS_SHOWN = 8;

/**
 * The terms of a sum, the largest first; those that are not shown are added up in one row.
 * @param {string[]} head  titles of the columns; the last one is the term
 * @param {{cells: string[], product: number}[]} rows
 * @param {{name: string, value: number}} total
 */
function termTable(head, rows, total, most = TERMS_SHOWN) {
  const order = orderBySize(rows.map(({ product }) => product));
  const shown = order.slice(0, most).map((i) => rows[i]), others = order.slice(most).map((i) => rows[i]);
  const products = shown.map(({ product }) => product), span = head.length - 1;
  if (others.length > 0) products.push(others.reduce((rest, { product }) => rest + product, 0));
  const texts = sumTexts(products, total.value);
  const body = shown.map(({ cells }, i) => termRow(cells, texts[i]));
  if (others.length > 0)
    body.push(summaryRow(`${counted(others.length, 'other term')} together`, span, texts[shown.length]));
  body.push(summaryRow(total.name, span, texts.at(-1), 'total'));
  const titles = head.map((title, i) => element('th', { class: i > 0 ? 'n' : null }, title));
  return element('div', { class: 'scroll' }, element('table', { class: 'terms' },
    element('thead', {}, element('tr', {}, ...titles)), element('tbody', {}, ...body)));
}

function termRow(cells, product) {
  const texts = [...cells, product];
  return element('tr', {}, ...texts.map((text, i) => element('td', { class: i > 0 ? 'n' : null }, text)));
}

function summaryRow(name, span, value, className = 'others') {
  return element('tr', { class: className },
    element('td', { colspan: span }, name), element('td', { class: 'n' }, value));
}
