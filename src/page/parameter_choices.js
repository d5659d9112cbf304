/** How the parameters of a layer are offered to be pointed at. Each gives elements, from a ParameterDetail. */
const PARAMETER_CHOICES = { conv: kernelChoice, dense: denseChoice, batch_norm: normChoice };

/** The kernel from one input map, with the gradient of each weight beside it, and the bias. */
function kernelChoice(detail) {
  const { layer, channel, colors } = detail, { weight } = layer.parameters;
  const [outputs, inputs, , columns] = weight.shape;
  detail.inputMap ??= strongestKernel(detail, inputs);
  const { first, count } = detail.weightsShown();
  const firstMap = Math.floor(channel / (outputs / layer.groups)) * inputs;
  const cells = (values) => Array.from(values, (value) => ({ value }));
  const grids = [
    new NumberGrid(`kernel, map ${firstMap + detail.inputMap} to ${channel}`, columns,
      cells(weight.values.subarray(first, first + count)), colors),
    new NumberGrid('gradient of each weight', columns, cells(detail.gradients('weight', first, count)), colors),
  ];
  return [
    ...(inputs > 1 ? [inputMapSelect(detail, inputs, firstMap)] : []),
    weightGrids(detail, grids, first),
    ...biasButton(detail),
  ];
}

/** The input map whose kernel has the largest gradient. */
function strongestKernel(detail, inputs) {
  const count = countOf(detail.layer.parameters.weight.shape.slice(2));
  const sizes = Array.from({ length: inputs }, (_, ic) =>
    largestSize(detail.gradients('weight', (detail.channel * inputs + ic) * count, count)));
  return orderBySize(sizes)[0];
}

/** Grids of a kernel, in which a weight can be chosen with pointer and keys. */
function weightGrids(detail, grids, first) {
  const choose = (cell) => {
    for (const grid of grids) grid.point(cell);
    detail.choose('weight', first + cell);
  };
  const { kind, index } = detail.chosen(), start = kind === 'weight' ? index - first : -1;
  const row = linkedGrids(grids, [''], (cell) => detail.choose('weight', first + cell));
  for (const grid of grids) {
    grid.onKeys('Weights of the kernel; arrow keys choose one', Math.max(0, start), choose);
    grid.point(start);
  }
  return row;
}

/** Which input map's kernel is shown. */
function inputMapSelect(detail, inputs, firstMap) {
  const options = Array.from({ length: inputs }, (_, ic) =>
    element('option', { value: ic, selected: ic === detail.inputMap }, `input map ${firstMap + ic}`));
  const choose = ({ target }) => {
    detail.inputMap = Number(target.value);
    detail.refresh();
    detail.root.querySelector('select').focus();
  };
  return element('label', { class: 'field' }, 'kernel for ', element('select', { onchange: choose }, ...options));
}

/** The gradients of all weights of one output of a dense layer as a picture. */
function denseChoice(detail) {
  const { first, count } = detail.weightsShown(), width = Math.ceil(Math.sqrt(count));
  const picture = new Picture({ width, height: Math.ceil(count / width), count }, detail.colors);
  const gradients = detail.gradients('weight', first, count);
  picture.paint(gradients, 0, largestSize(gradients));
  const { kind, index } = detail.chosen();
  const caption = `gradients of ${counted(count, 'weight')}, one for each input`;
  const figure = pictureFigure(picture, caption, (place) => {
    picture.frameCell(place);
    detail.choose('weight', first + place);
  });
  picture.frameCell(kind === 'weight' ? index - first : -1);
  return [figure, ...biasButton(detail)];
}

/** Scale and shift of one map. */
function normChoice(detail) {
  const button = (kind, name) => detail.layer.parameters[kind] && parameterButton(detail, kind, detail.channel, name);
  const buttons = [button('weight', 'scale γ'), button('bias', 'shift β')].filter(Boolean);
  return [element('div', { class: 'tools' }, ...buttons)];
}

/** The bias of the output, if there is one. */
function biasButton(detail) {
  if (!detail.layer.parameters.bias) return [];
  return [element('div', { class: 'tools' }, parameterButton(detail, 'bias', detail.channel, 'bias'))];
}

/** A parameter that is chosen by pointing at a button or by pressing it. */
function parameterButton(detail, kind, index, name) {
  const value = shortNumber(detail.layer.parameters[kind].values[index]);
  const gradient = shortNumber(detail.gradients(kind, index, 1)[0]);
  const choose = () => detail.choose(kind, index);
  return element('button', { type: 'button', 'data-parameter': kind, onclick: choose, onpointerenter: choose },
    `${name} ${value}, gradient ${gradient}`);
}
