// @ts-check
// Very many small rectangles at once, written as pixels: of 100,000 a canvas takes a hundred milliseconds, this takes five.

/**
 * Colours as pixels; what is transparent is 0.
 * @param {string[]} colours as CSS has them
 */
export function pixelsOf(colours) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [colours.length, 1];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  colours.forEach((colour, at) => { pen.fillStyle = colour; pen.fillRect(at, 0, 1, 1); });
  return new Uint32Array(pen.getImageData(0, 0, colours.length, 1).data.buffer);
}

/**
 * A canvas of these pixels.
 * @param {ImageData} image
 */
function canvasOf(image) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  return canvas;
}

/**
 * One rectangle around each place, later ones above earlier ones.
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number]} plane width and height in CSS pixels
 * @param {Float32Array} xs middles; what is not a number is left out
 * @param {Float32Array} ys
 * @param {[number, number]} box width and height of one
 * @param {(index: number) => number} pixelOf
 */
export function rectangles(pen, plane, xs, ys, box, pixelOf) {
  const ratio = pen.getTransform().a;
  const [across, down] = [Math.round(plane[0] * ratio), Math.round(plane[1] * ratio)];
  const image = new ImageData(across, down);
  const pixels = new Uint32Array(image.data.buffer);
  const [wide, high] = [(box[0] * ratio) / 2, (box[1] * ratio) / 2];
  for (let index = 0; index < xs.length; index += 1) {
    const x = xs[index] * ratio;
    const y = ys[index] * ratio;
    const ink = x === x && y === y ? pixelOf(index) : 0;
    if (!ink) continue;
    const left = Math.max(0, Math.round(x - wide));
    const right = Math.min(across, Math.max(left + 1, Math.round(x + wide + 0.01))); // no gap between neighbours
    const top = Math.max(0, Math.round(y - high));
    const bottom = Math.min(down, Math.max(top + 1, Math.round(y + high + 0.01)));
    for (let row = top; row < bottom; row += 1) pixels.fill(ink, row * across + left, row * across + right);
  }
  pen.save();
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(canvasOf(image), 0, 0);
  pen.restore();
}

/**
 * Squares in lines, without gaps, from the upper left corner on.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} across squares in a line
 * @param {number} size of one, in CSS pixels
 * @param {Uint8Array} codes
 * @param {Uint32Array} inks a pixel for each code
 */
export function squares(pen, across, size, codes, inks) {
  const down = Math.ceil(codes.length / across);
  if (!down) return;
  const image = new ImageData(across, down);
  const pixels = new Uint32Array(image.data.buffer);
  for (let index = 0; index < codes.length; index += 1) pixels[index] = inks[codes[index]];
  pen.imageSmoothingEnabled = false;
  pen.drawImage(canvasOf(image), 0, 0, across * size, down * size);
}
