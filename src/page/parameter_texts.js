// The sentences and formulas about the gradient of a parameter.

/** What the sum before the activation function is called, where there is one. */
function gradientSymbol(layer) {
  return layer.activation === 'none' ? 'dy' : 'dz';
}

/** "map 3", or of a dense layer "output 3" or the class: what a bias or the weights of a kernel make. */
function madeText(layer, channel) {
  if (layer.type !== 'dense') return `map ${channel}`;
  return layer.classes ? outputText(layer, channel) : `output ${channel}`;
}

/** "weight in row 1, column 2 of the kernel from map 0 to map 3" */
function parameterName(layer, kind, index) {
  if (kind === 'bias') return `${layer.type === 'batch_norm' ? 'Shift β' : 'Bias'} of ${madeText(layer, index)}`;
  const position = positionOf(layer.parameters.weight.shape, index);
  if (layer.type === 'batch_norm') return `Scale γ of map ${index}`;
  if (layer.type === 'dense') return `Weight from input ${position[1]} to ${madeText(layer, position[0])}`;
  const [oc, ic, row, column] = position, [outputs, inputs] = layer.parameters.weight.shape;
  const inputMap = Math.floor(oc / (outputs / layer.groups)) * inputs + ic;
  return `Weight in row ${row}, column ${column} of the kernel from map ${inputMap} to map ${oc}`;
}

/** The gradient as a sum, with the sizes of this layer. */
function gradientFormula(layer, kind, index) {
  const d = gradientSymbol(layer), [, height, width] = layer.outputShape;
  if (layer.type === 'dense')
    return kind === 'bias' ? `db = ${d}` : `dw = ${d}(${positionOf(layer.parameters.weight.shape, index)[0]}) × ` +
      `x(${positionOf(layer.parameters.weight.shape, index)[1]})`;
  const sum = `sum over ${height} × ${width} output pixels of ${d}(row, column)`;
  if (kind === 'bias') return `db = ${sum}`;
  if (layer.type === 'batch_norm') return `dγ = ${sum} × normalized x(row, column)`;
  const [, , ky, kx] = positionOf(layer.parameters.weight.shape, index);
  return `dw(${ky},${kx}) = ${sum} × x(${inputText(layer, 0, ky)}, ${inputText(layer, 1, kx)})`;
}

/** "2·row + 3": the input that a weight meets, along one side. */
function inputText(layer, side, place) {
  const { stride, dilation, padding } = layer.window, shift = place * dilation[side] - padding[side];
  const output = `${stride[side] > 1 ? `${stride[side]}·` : ''}${side === 0 ? 'row' : 'column'}`;
  return shift === 0 ? output : `${output} ${shift < 0 ? '−' : '+'} ${Math.abs(shift)}`;
}

/** One term with its numbers: "dz(5, 17) × x(5, 17) = 2e-9 × 2.943 = 5.9e-9". */
function termText(layer, { outputPosition, gradient, input, inputPosition, value, product }) {
  const there = `${gradientSymbol(layer)}(${outputPosition.slice(1).join(', ')})`;
  if (value === undefined) return `${there} = ${shortNumber(product)}`;
  if (input < 0) return `${there} × padding = ${factorText(gradient)} × 0 = 0`;
  return `${there} × x(${inputPosition.slice(1).join(', ')}) = ${factorText(gradient)} × ${factorText(value)} = ` +
    shortNumber(product);
}

/** The terms of a gradient as a table. */
function gradientTable(layer, kind, sum) {
  const d = gradientSymbol(layer), name = kind === 'bias' ? 'db' : layer.type === 'batch_norm' ? 'dγ' : 'dw';
  const rows = sum.terms.map((term) => ({ cells: termCells(layer, kind, term), product: term.product }));
  const [output, input] = layer.type === 'dense' ? ['output', 'input'] : ['output pixel', 'input pixel'];
  const met = layer.type === 'batch_norm' ? '× normalized input' : '× input';
  const head = kind === 'bias' ? [output, d] : [output, d, input, met, '= term'];
  return termTable(head, rows, { name: `${name} = sum of ${counted(rows.length, 'term')}`, value: sum.sum });
}

function termCells(layer, kind, { output, gradient, input, value }) {
  const there = outputText(layer, output);
  if (kind === 'bias') return [there];
  const met = input < 0 ? 'padding' : placeText(layer.inputShape, input);
  return [there, shortNumber(gradient), met, shortNumber(value)];
}
