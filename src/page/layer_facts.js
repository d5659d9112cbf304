// What stands above the maps of a layer: its kind, its size, its activation count as a bar, its parameters.

/** @param {CnnNetwork} network @param {object} layer @returns {Node[]} */
function layerFacts(network, layer) {
  return [
    element('p', { class: 'kind quiet' }, kindText(layer) + sourceText(network, layer)),
    element('dl', { class: 'facts' },
      fact('output', shapeText(layer.outputShape)),
      activationsFact(network, layer),
      fact('parameters', withCommas(parametersOf(layer)))),
  ];
}

/** @param {CnnNetwork} network @returns {Node[]} */
function inputFacts(network) {
  return [
    element('p', { class: 'kind quiet' }, 'normalized pixels'),
    element('dl', { class: 'facts' }, fact('output', shapeText(network.inputShape)),
      activationsFact(network, { activations: countOf(network.inputShape), warning: null }), fact('parameters', '0')),
  ];
}

/** Where a layer reads from, if not from the layer beside it. */
function sourceText(network, layer) {
  if (layer.shortcut !== null)
    return `: ${nameOfLayer(network, layer.source)} ${layer.type === 'squeeze_excite' ? '×' : '+'} ` +
      nameOfLayer(network, layer.shortcut);
  return layer.source === layer.index - 1 ? '' : `, reads ${nameOfLayer(network, layer.source)}`;
}

function fact(name, value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value));
}

/** The number of values as a bar; a cliff warning gives it another color. */
function activationsFact(network, { activations, warning }) {
  const most = Math.max(countOf(network.inputShape), ...network.layers.map((layer) => layer.activations));
  const bar = element('span', { class: `bar${warning ? ' cliff' : ''}` },
    element('i', { style: `width: ${100 * activations / most}%` }));
  return element('div', { class: 'activations', title: warning },
    element('dt', {}, 'activations'),
    element('dd', {}, withCommas(activations), ...(warning ? [element('b', { class: 'cliff-sign' }, ' cliff')] : [])),
    bar);
}
