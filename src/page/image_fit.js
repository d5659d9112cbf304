// An image that somebody opens, made into what the network reads: the same color conversion and the same
// antialiased resampling, in the same integers, as the programs do it.

const FRACTION_BITS = 22; // of a weight; a pixel has 8

/** 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point. */
function greyOf(r, g, b) {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

/** RGBA bytes as planes of bytes, grey or color. */
function planesOf({ data, width, height }, channels) {
  return Array.from({ length: channels }, (_, c) =>
    Uint8Array.from({ length: width * height }, (__, i) =>
      (channels === 1 ? greyOf(data[4 * i], data[4 * i + 1], data[4 * i + 2]) : data[4 * i + c])));
}

/**
 * How positions [begin, begin + length) along one side are made of input positions, if `input` positions become
 * `output`: a triangle around the middle of each, as wide as one input position when enlarging and as one output
 * position when shrinking, cut off at the border. Position i: {first, weights}.
 */
function resamplingSide(input, output, begin, length) {
  const step = input / output;
  const radius = Math.max(step, 1);
  return Array.from({ length }, (_, i) => {
    const middle = (begin + i + 0.5) * step;
    const first = Math.max(0, Math.trunc(middle - radius + 0.5));
    const end = Math.min(input, Math.trunc(middle + radius + 0.5));
    const triangle = Array.from({ length: end - first }, (__, k) =>
      Math.max(0, 1 - Math.abs((first + k - middle + 0.5) / radius)));
    const total = triangle.reduce((a, b) => a + b, 0);
    return { first, weights: triangle.map((weight) => Math.trunc(0.5 + (weight / total) * 2 ** FRACTION_BITS)) };
  });
}

/** The weighted mean of pixels `stride` apart, as a byte. */
function weightedByte(pixels, start, stride, weights) {
  let sum = 2 ** (FRACTION_BITS - 1);
  for (let k = 0; k < weights.length; ++k) sum += pixels[start + k * stride] * weights[k];
  return Math.min(255, Math.floor(sum / 2 ** FRACTION_BITS));
}

/** A plane of `width` columns, across and then down; each pass is rounded to bytes. */
function resampled(plane, width, columns, rows) {
  const height = plane.length / width;
  const across = new Uint8Array(height * columns.length);
  for (let y = 0; y < height; ++y)
    columns.forEach(({ first, weights }, x) => {
      across[y * columns.length + x] = weightedByte(plane, y * width + first, 1, weights);
    });
  const down = new Uint8Array(rows.length * columns.length);
  rows.forEach(({ first, weights }, y) => {
    for (let x = 0; x < columns.length; ++x)
      down[y * columns.length + x] = weightedByte(across, first * columns.length + x, columns.length, weights);
  });
  return down;
}

/** The size to which the whole image is scaled; what is larger than the target is cut, the rest is black. */
function scaledSize({ width, height }, target) {
  if (target.short_side) {
    const scaled = (side) => Math.floor((target.short_side * side) / Math.min(width, height));
    return { width: scaled(width), height: scaled(height) };
  }
  const isWide = width * target.height > height * target.width;
  const rounded = (a, b) => Math.max(1, Math.floor((2 * a + b) / (2 * b)));
  if (target.resize === 'stretch') return { width: target.width, height: target.height };
  if (isWide === (target.resize === 'fit'))
    return { width: target.width, height: rounded(height * target.width, width) };
  return { width: rounded(width * target.height, height), height: target.height };
}

/** Where what is shown begins in `scaled` positions; half a pixel goes to the even one with a short side. */
function centerBegin(scaled, shown, target) {
  const rest = scaled - shown;
  return (rest >> 1) + (target.short_side && rest % 4 === 3 ? 1 : 0);
}

/** One plane at the network's size. */
function fittedPlane(plane, image, target) {
  const scaled = target.resize === 'none' ? target : scaledSize(image, target);
  const isSameSize = ({ width, height }) => width === image.width && height === image.height;
  if (isSameSize(target) && isSameSize(scaled)) return plane;
  const shownHeight = Math.min(scaled.height, target.height);
  const shownWidth = Math.min(scaled.width, target.width);
  const rows = resamplingSide(image.height, scaled.height, centerBegin(scaled.height, shownHeight, target), shownHeight);
  const columns = resamplingSide(image.width, scaled.width, centerBegin(scaled.width, shownWidth, target), shownWidth);
  const shown = resampled(plane, image.width, columns, rows);
  const fitted = new Uint8Array(target.width * target.height);
  const corner = ((target.height - shownHeight) >> 1) * target.width + ((target.width - shownWidth) >> 1);
  for (let y = 0; y < shownHeight; ++y)
    fitted.set(shown.subarray(y * shownWidth, (y + 1) * shownWidth), corner + y * target.width);
  return fitted;
}

/**
 * An image of any size as the network reads it.
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image RGBA, as a canvas gives it
 * @param {{channels, height, width, resize, short_side}} target `input` of the page's data
 * @returns {Float32Array} [C,H,W] in 0..1
 */
function fitImage(image, target) {
  if (target.channels !== 1 && target.channels !== 3)
    throw new Error(`the network reads ${target.channels} channels; an image file has 1 or 3`);
  if (target.resize === 'none' && (image.width !== target.width || image.height !== target.height))
    throw new Error(`the image is ${image.height}x${image.width} (height x width); the network takes ` +
      `${target.height}x${target.width} only, because "resize" is "none"`);
  const fitted = new Float32Array(target.channels * target.height * target.width);
  planesOf(image, target.channels).forEach((plane, c) => {
    const bytes = fittedPlane(plane, image, target);
    fitted.set(Float32Array.from(bytes, (byte) => byte / 255), c * bytes.length);
  });
  return fitted;
}

