// Where values lie in maps, and which inputs the windows of convolutions and poolings cover.

/** Numbers in a tensor of this shape. */
function countOf(shape) {
  return shape.reduce((count, size) => count * size, 1);
}

/** The index of a position [.., y, x] in a tensor of this shape, row by row. */
function offsetOf(shape, position) {
  return shape.reduce((offset, size, axis) => offset * size + position[axis], 0);
}

/** The position of an index: the inverse of offsetOf. */
function positionOf(shape, index) {
  const position = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; --axis) {
    position[axis] = index % shape[axis];
    index = Math.floor(index / shape[axis]);
  }
  return position;
}

/** Whether a row and a column lie inside maps of shape [C,H,W]. */
function isInside([, height, width], y, x) {
  return y >= 0 && y < height && x >= 0 && x < width;
}

/** The outputs along one side for which a tap (an offset from the window's first input) meets an input. */
function outputsInReach(offset, stride, size, outputs) {
  const first = Math.max(0, Math.ceil(-offset / stride));
  const end = Math.min(outputs, Math.floor((size - 1 - offset) / stride) + 1);
  return { first, end };
}

/**
 * The taps of a layer's window, row by row. Output (oy, ox) meets under a tap the input with index
 * oy * layer.rowStep + ox * layer.columnStep + tap.shift of a map, if it lies inside: for rows
 * [firstRow, endRow) and columns [firstColumn, endColumn) of outputs.
 */
function tapsOf({ window, inputShape: [, height, width], outputShape: [, outputRows, outputColumns] }) {
  const taps = [];
  for (let ky = 0; ky < window.kernel[0]; ++ky)
    for (let kx = 0; kx < window.kernel[1]; ++kx) {
      const down = ky * window.dilation[0] - window.padding[0];
      const right = kx * window.dilation[1] - window.padding[1];
      const rows = outputsInReach(down, window.stride[0], height, outputRows);
      const columns = outputsInReach(right, window.stride[1], width, outputColumns);
      taps.push({
        ky, kx, down, right, shift: down * width + right,
        firstRow: rows.first, endRow: rows.end, firstColumn: columns.first, endColumn: columns.end,
      });
    }
  return taps;
}

/** Calls visit(output, input), indices within a map, for each output whose window meets an input under a tap. */
function forEachPair(layer, tap, visit) {
  const width = layer.outputShape[2];
  for (let oy = tap.firstRow; oy < tap.endRow; ++oy) {
    let output = oy * width + tap.firstColumn;
    let input = oy * layer.rowStep + tap.firstColumn * layer.columnStep + tap.shift;
    for (let ox = tap.firstColumn; ox < tap.endColumn; ++ox, ++output, input += layer.columnStep)
      visit(output, input);
  }
}

/** Calls visit(tap, y, x) for each input position, padding included, under one output. */
function forEachTapAt(layer, oy, ox, visit) {
  const [strideY, strideX] = layer.window.stride;
  layer.taps.forEach((tap) => visit(tap, oy * strideY + tap.down, ox * strideX + tap.right));
}

