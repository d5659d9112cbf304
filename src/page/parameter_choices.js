/** How the parameters of a layer are offered to be pointed at. Each gives elements, from a ParameterDetail. */
const PARAMETER_CHOICES = { conv: kernelChoice, dense: denseChoice, batch_norm: normChoice };

/** The kernel from one input map, with the gradient of each weight beside it, and the bias. */
function kernelChoice(detail) {
  const { layer, channel, colors } = detail, { weight } = layer.parameters;
  const [outputs, inputs, , columns] = weight.shape;
  detail.inputMap ??= strongestKernel(detail, inputs);
  const { first, count } = detail.weightsShown();
  const firstMap = Math.floor(channel / (outputs / layer.groups)) * inputs;
  const names = `map ${firstMap + detail.inputMap} to ${channel}`;
  const grid = (caption, values) => valueGrid(caption, columns, Array.from(values, (value) => ({ value })), colors);
  const grids = [
    grid(`kernel, ${names}`, weight.values.subarray(first, first + count)),
    grid('gradient of each weight', detail.gradients('weight', first, count)),
  ];
  return [
    ...(inputs > 1 ? [inputMapSelect(detail, inputs, firstMap)] : []),
    weightGrids(detail, grids, 'Weights of the kernel', first),
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

/** Grids in which a weight can be chosen; `first` is the index of the first one. */
function weightGrids(detail, grids, label, first) {
  detail.markers.push(({ kind, index }) => {
    for (const grid of grids) grid.point(kind === 'weight' ? index - first : -1);
  });
  return linkedGrids(grids, [''], label, (cell) => detail.choose('weight', first + cell), {
    get isHeld() { return detail.isHeld; },
    press: (cell) => detail.press('weight', first + cell),
    release: () => detail.release(),
  });
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

/** The gradients of all weights of one output of a dense layer. */
function denseChoice(detail) {
  const { first, count } = detail.weightsShown();
  const caption = `gradients of ${counted(count, 'weight')}, one for each input`;
  const cells = Array.from(detail.gradients('weight', first, count), (value) => ({ value }));
  const grid = new PictureGrid(caption, Math.ceil(Math.sqrt(count)), cells, detail.colors);
  return [weightGrids(detail, [grid], caption, first), ...biasButton(detail)];
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

/** A parameter that is chosen by pointing at a button, and held by pressing it. */
function parameterButton(detail, kind, index, name) {
  const value = shortNumber(detail.layer.parameters[kind].values[index]);
  const gradient = shortNumber(detail.gradients(kind, index, 1)[0]);
  const point = () => {
    if (!detail.isHeld) detail.choose(kind, index);
  };
  const press = () => {
    detail.press(kind, index);
    detail.choose(kind, index);
  };
  const button = element('button', { type: 'button', 'data-parameter': kind, onclick: press, onpointerenter: point },
    `${name} ${value}, gradient ${gradient}`);
  detail.markers.push((chosen) => button.setAttribute('aria-pressed', String(chosen.kind === kind)));
  return button;
}
