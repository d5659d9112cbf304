/** Larger pictures are first made smaller by the browser. */
const LARGEST_SIDE = 4096;

/**
 * Reads an image file in the browser and brings it to the network's size.
 * @param {Blob} file
 * @param {object} input  the page's data about the input
 * @returns {Promise<Float32Array>} [C, H, W] in 0..1
 */
async function readImageFile(file, input) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name ?? 'This'} is not an image that this browser can read; use a PNG or JPEG file`);
  }
  const shrink = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * shrink));
  const height = Math.max(1, Math.round(bitmap.height * shrink));
  const context = element('canvas', { width, height }).getContext('2d');
  if (input.background) {
    context.fillStyle = `rgb(${input.background})`;
    context.fillRect(0, 0, width, height);
  }
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return fitImage(context.getImageData(0, 0, width, height), input);
}

/** Calls onFile for an image file that is dropped anywhere on the page. */
function acceptDroppedFiles(onFile) {
  const mark = (isOver) => document.body.classList.toggle('dropping', isOver);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    mark(true);
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(false);
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer.files.length > 0) onFile(event.dataTransfer.files[0]);
  });
}
