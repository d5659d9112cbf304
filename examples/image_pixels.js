// A picture as a model of cnn-train wants it, with the scaling of the training: a module for browsers.

// Scales the rows of a map, and swaps rows and columns: done twice, it scales an image. A new pixel is a weighted mean
// of the old ones around it (Pillow's BILINEAR). A canvas has a rule of its own: of 100x100 photos it made 28x28
// pixels that were 5 grey levels from these on average, and up to 99 (1.7 and 38 with imageSmoothingQuality = 'high';
// Chromium).
function scaled(map, from, to) {
  const rows = map.length / from, out = new Uint8Array(rows * to), radius = Math.max(1, from / to);
  for (let i = 0; i < to; ++i) {
    const middle = (i + 0.5) * from / to, first = Math.max(0, Math.floor(middle - radius + 0.5)), weights = [];
    for (let j = first; j < Math.min(from, Math.floor(middle + radius + 0.5)); ++j)
      weights.push(Math.max(0, 1 - Math.abs(j + 0.5 - middle) / radius));
    const total = weights.reduce((a, b) => a + b);
    for (let row = 0; row < rows; ++row)
      out[i * rows + row] = weights.reduce((sum, w, j) => sum + w * map[row * from + first + j], 0) / total + 0.5;
  }
  return out;
}

// Bytes [height][width][channels], as --uint8 takes them. picture: a File or Blob. Behind it, "image" of the export's
// JSON, with the rule: stretch, fit (the largest size inside, the rest black), crop (the smallest size that covers, or
// the short_side of the model, cut at the center) or none (the picture has that size). Transparent pixels show the
// background of the model; without one they become black, where the training ignores transparency.
export async function imagePixels(picture, {channels, height, width, resize, short_side, background}) {
  const bitmap = await createImageBitmap(picture, {colorSpaceConversion: 'none'}), {width: w, height: h} = bitmap;
  if (resize == 'none' && (w != width || h != height))
    throw new Error(`the picture has ${w}x${h} pixels, but the model takes ${width}x${height}`);
  const context = new OffscreenCanvas(w, h).getContext('2d');
  if (background) {
    context.fillStyle = `rgb(${background})`;
    context.fillRect(0, 0, w, h);
  }
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, w, h).data, bytes = new Uint8Array(width * height * channels);
  const [to, from] = (resize == 'fit') == (width * h < height * w) ? [width, w] : [height, h];
  const side = length => Math.max(1, Math.floor(length * to / from + 0.5));
  const [wide, high] = resize == 'stretch' ? [width, height]
      : short_side ? [w, h].map(length => Math.floor(short_side * length / Math.min(w, h))) : [side(w), side(h)];
  // With a short side, half a pixel goes to the even one, as in torchvision.
  const middle = rest => Math.trunc(rest / 2) + (short_side && rest % 4 == 3 ? 1 : 0);
  const left = middle(wide - width), top = middle(high - height);
  for (let c = 0; c < channels; ++c) {
    const map = Uint8Array.from({length: w * h}, (_, i) => channels == 3 ? rgba[4 * i + c]
        : 0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2] + 0.5);
    const shown = scaled(scaled(map, w, wide), h, high);
    for (let y = Math.max(0, -top); y < height && y + top < high; ++y)
      for (let x = Math.max(0, -left); x < width && x + left < wide; ++x)
        bytes[(y * width + x) * channels + c] = shown[(y + top) * wide + x + left];
  }
  return bytes;
}
