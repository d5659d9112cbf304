// Which values light up in the layers for a pointed value or a chosen parameter.
//
// Marks are a Map from the index of a layer (-1: the input) to {lit, window, framed}: the indices of the values that
// light up; a window to be framed in some maps, or null; a value to be framed, if it is not the pointed one.

/** Of the inputs of a dense layer, only those with the largest contributions light up. */
const CONTRIBUTIONS_LIT = 16;

/** The values that make one output. */
function marksOfOutput(network, layer, terms) {
  const marks = new Map();
  for (const role of ['source', 'shortcut']) {
    const ofRole = terms.terms.filter((term) => term.role === role);
    if (ofRole.length === 0) continue;
    const mark = { lit: litInputs(layer, terms, ofRole), window: windowOf(layer, ofRole) };
    markThroughFlatten(network, marks, role === 'source' ? layer.source : layer.shortcut, mark);
  }
  return marks;
}

/** The inputs that matter for one output: the winner of a max pooling, the largest contributions to a dense output. */
function litInputs(layer, terms, ofRole) {
  if (terms.winner !== null) return [terms.terms[terms.winner].input];
  if (layer.type === 'dense')
    return orderBySize(ofRole.map(({ product }) => product)).slice(0, CONTRIBUTIONS_LIT).map((i) => ofRole[i].input);
  return ofRole.map(({ input }) => input).filter((input) => input >= 0);
}

/** The rectangle of inputs below a window, and the maps that it lies on. */
function windowOf(layer, terms) {
  if (!layer.window) return null;
  const channels = new Set();
  let top = Infinity, left = Infinity, bottom = -Infinity, right = -Infinity;
  for (const { inputPosition: [channel, row, column] } of terms) {
    channels.add(channel);
    top = Math.min(top, row);
    left = Math.min(left, column);
    bottom = Math.max(bottom, row);
    right = Math.max(right, column);
  }
  return { channels, x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** A flattened vector and the maps before it are the same values. */
function markThroughFlatten(network, marks, index, mark) {
  marks.set(index, mark);
  const layer = network.layers[index];
  if (layer && (layer.type === 'flatten' || layer.type === 'dropout'))
    markThroughFlatten(network, marks, layer.source, { ...mark, window: null });
}

/** The outputs that send a gradient back to one value. @param {number} index  of the layer; -1: the input */
function marksOfGradient(network, back, pass, index, value) {
  const marks = new Map();
  for (const { layer, role } of readersOfLayer(network, index)) {
    const { terms } = network.inputTerms(network.layers[layer], back, pass, value, role);
    marks.set(layer, { lit: terms.map(({ output }) => output), window: null });
  }
  return marks;
}

/**
 * The output pixels that gave the gradient of a parameter, and the inputs that it met there.
 * @param {object=} pointed  the term to be framed
 */
function marksOfParameter(network, layer, { terms }, pointed) {
  const giving = terms.filter(({ product }) => product !== 0);
  const marks = new Map([[layer.index, { lit: giving.map(({ output }) => output), framed: pointed?.output }]]);
  const met = giving.map(({ input }) => input).filter((input) => input >= 0);
  if (met.length > 0) markThroughFlatten(network, marks, layer.source, { lit: met, framed: pointed?.input });
  return marks;
}
