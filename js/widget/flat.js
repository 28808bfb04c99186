// @ts-check
// Points in a plane: axes, dots, a line, the cells of a heat-map. Knows numbers and canvases, and nobody who looks.
import { digits } from "./dom.js";
import { pixelsOf, rectangles } from "./pixels.js";
import { extent, shade } from "./theme.js";

export const WIDTH = 640;
export const HEIGHT = 360;
const BOX = { left: 64, right: 24, top: 24, bottom: 44 };
const PLANE = /** @type {[number, number]} */ ([WIDTH, HEIGHT]);
const FEW = 2000; // points that are drawn as round dots
const SEGMENTS = 4000; // points up to which a line goes through each of them

/** @typedef {{labels: string[], data: Float64Array}} Values */
/** @typedef {{ink: string, quiet: string, line: string, accent: string}} Inks */

/**
 * Round values between two numbers, about so many.
 * @param {number} low
 * @param {number} high
 * @param {number} about
 */
function roundTicks(low, high, about) {
  const raw = (high - low) / Math.max(about, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw * 0.999) || raw;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return found;
}

const steps = new WeakMap(); // by column: that of a parameter stays

/** @param {Float64Array} found */
function stepOf(found) {
  if (!steps.has(found)) steps.set(found, leastStep(found));
  return steps.get(found);
}

/**
 * The distance between the two nearest different values: the size of a heat-map's cell.
 * @param {Float64Array} found
 */
function leastStep(found) {
  const sorted = found.filter(Number.isFinite).sort();
  const least = (sorted[sorted.length - 1] - sorted[0]) * 1e-9; // what differs by less is the same, but for rounding
  let step = Infinity;
  for (let index = 1; index < sorted.length; index += 1) {
    const gap = sorted[index] - sorted[index - 1];
    if (gap > least && gap < step) step = gap;
  }
  return step < Infinity ? step : 1;
}

/**
 * How the values of one column lie along the plane.
 * @param {Values} values
 * @param {boolean} up
 * @param {boolean} cells whether each value is the middle of a cell
 */
export function spanOf({ labels, data }, up, cells) {
  let [low, high] = labels.length ? [-0.5, labels.length - 0.5] : extent(data);
  const step = labels.length ? 1 : cells ? stepOf(data) : 0;
  const edge = labels.length ? 0 : cells ? step / 2 : (high - low) * 0.04;
  [low, high] = [low - edge, high + edge];
  const inner = up ? HEIGHT - BOX.top - BOX.bottom : WIDTH - BOX.left - BOX.right;
  const part = inner / (high - low);
  const place = (/** @type {number} */ each) => up ? BOX.top + (high - each) * part : BOX.left + (each - low) * part;
  return { low, high, place, cell: Math.max(3, Math.min(step * part, 120)) };
}

/**
 * Where each point lies in the plane; neither is a number where one of its values is not.
 * @param {Float64Array} xs
 * @param {Float64Array} ys
 * @param {(each: number) => number} alongX
 * @param {(each: number) => number} alongY
 */
export function placesOf(xs, ys, alongX, alongY) {
  const [across, up] = [new Float32Array(xs.length).fill(NaN), new Float32Array(xs.length).fill(NaN)];
  for (let index = 0; index < xs.length; index += 1) {
    if (!Number.isFinite(xs[index]) || !Number.isFinite(ys[index])) continue;
    across[index] = alongX(xs[index]);
    up[index] = alongY(ys[index]);
  }
  return [across, up];
}

/**
 * The lines, marks and the name of an axis.
 * @param {CanvasRenderingContext2D} pen
 * @param {Inks} ink
 * @param {string} name
 * @param {string[]} labels
 * @param {ReturnType<typeof spanOf>} span
 * @param {boolean} up
 */
export function drawAxis(pen, ink, name, labels, { low, high, place }, up) {
  pen.fillStyle = ink.quiet;
  pen.strokeStyle = ink.line;
  pen.font = "11px system-ui, sans-serif";
  const every = Math.max(1, Math.ceil(labels.length / 8));
  /** @type {Array<[number, string]>} */
  const named = labels.map((label, index) => [index, label]);
  const marks = labels.length ? named.filter(([index]) => index % every === 0) : roundTicks(low, high, up ? 5 : 6).map((at) => /** @type {[number, string]} */ ([at, digits(at)]));
  for (const [at, words] of marks) {
    const there = place(at);
    pen.beginPath();
    if (up) { pen.moveTo(BOX.left, there); pen.lineTo(WIDTH - BOX.right, there); } else { pen.moveTo(there, BOX.top); pen.lineTo(there, HEIGHT - BOX.bottom); }
    pen.stroke();
    pen.textAlign = up ? "right" : "center";
    pen.fillText(words.slice(0, 12), up ? BOX.left - 8 : there, up ? there + 4 : HEIGHT - BOX.bottom + 16);
  }
  pen.fillStyle = ink.ink;
  pen.textAlign = up ? "left" : "center";
  pen.fillText(name, up ? 8 : (BOX.left + WIDTH - BOX.right) / 2, up ? 13 : HEIGHT - 8);
}

/**
 * What each point is drawn in: one of a few colours; the last of them is no colour at all.
 * @param {string[]} colours of the states
 * @param {Uint8Array} states
 * @param {Values | undefined} values by which to colour, else it is by state
 * @returns {{colours: string[], code: (index: number) => number}}
 */
export function colouring(colours, states, values) {
  if (!values) return { colours: [...colours, "transparent"], code: (index) => states[index] ?? colours.length };
  const { data } = values;
  const [low, high] = extent(data);
  const shades = Array.from({ length: 256 }, (_, part) => shade(part / 255));
  return {
    colours: [...shades, "transparent"],
    code: (index) => (Number.isFinite(data[index]) ? Math.round((255 * (data[index] - low)) / (high - low)) : 256),
  };
}

/**
 * A dot for each point.
 * @param {CanvasRenderingContext2D} pen
 * @param {Float32Array} xs
 * @param {Float32Array} ys
 * @param {ReturnType<typeof colouring>} colour
 * @param {((index: number) => boolean) | null} chosen which ones, drawn larger; else all
 */
export function dots(pen, xs, ys, { colours, code }, chosen) {
  pen.globalAlpha = 0.9;
  if (xs.length > FEW) {
    const inks = pixelsOf(colours);
    rectangles(pen, PLANE, xs, ys, [2, 2], (index) => (!chosen || chosen(index) ? inks[code(index)] : 0));
  } else {
    for (let index = 0; index < xs.length; index += 1) {
      if (Number.isNaN(xs[index]) || (chosen && !chosen(index))) continue;
      pen.fillStyle = colours[code(index)];
      pen.beginPath();
      pen.arc(xs[index], ys[index], chosen ? 5.5 : 4, 0, 7);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
}

/**
 * A line through all points from left to right. Of very many it shows, for each pixel across, from where to where it goes.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} ink
 * @param {Float32Array} xs
 * @param {Float32Array} ys
 */
export function line(pen, ink, xs, ys) {
  pen.strokeStyle = ink;
  pen.globalAlpha = 0.6;
  pen.beginPath();
  if (xs.length > SEGMENTS) {
    const [tops, bottoms] = [new Float32Array(WIDTH).fill(Infinity), new Float32Array(WIDTH).fill(-Infinity)];
    for (let index = 0; index < xs.length; index += 1) {
      const at = Math.round(xs[index]);
      if (ys[index] < tops[at]) tops[at] = ys[index];
      if (ys[index] > bottoms[at]) bottoms[at] = ys[index];
    }
    for (let at = 0; at < WIDTH; at += 1) {
      if (tops[at] < Infinity) { pen.lineTo(at, tops[at]); pen.lineTo(at, bottoms[at]); }
    }
  } else {
    const order = Array.from(xs.keys()).filter((index) => !Number.isNaN(xs[index])).sort((one, other) => xs[one] - xs[other]);
    for (const index of order) pen.lineTo(xs[index], ys[index]);
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

/**
 * A heat-map's cells, and its key.
 * @param {CanvasRenderingContext2D} pen
 * @param {Inks} ink
 * @param {Float32Array} xs
 * @param {Float32Array} ys
 * @param {[number, number]} cell
 * @param {ReturnType<typeof colouring>} colour
 * @param {string} name
 * @param {Values} values
 */
export function heat(pen, ink, xs, ys, cell, { colours, code }, name, { data }) {
  const inks = pixelsOf(colours);
  rectangles(pen, PLANE, xs, ys, cell, (index) => inks[code(index)]);
  const [low, high] = extent(data);
  for (let part = 0; part < 100; part += 1) {
    pen.fillStyle = shade(part / 99);
    pen.fillRect(WIDTH - 190 + part, 4, 1.5, 9);
  }
  pen.fillStyle = ink.quiet;
  pen.textAlign = "right";
  pen.fillText(`${name}  ${digits(low)}`, WIDTH - 196, 13);
  pen.textAlign = "left";
  pen.fillText(digits(high), WIDTH - 84, 13);
}

/**
 * A frame around the chosen cells of a heat-map; those too small for one are tinted.
 * @param {CanvasRenderingContext2D} pen
 * @param {Inks} ink
 * @param {Float32Array} xs
 * @param {Float32Array} ys
 * @param {[number, number]} cell
 * @param {(index: number) => boolean} chosen
 */
export function frames(pen, ink, xs, ys, [wide, high], chosen) {
  if (Math.min(wide, high) <= 5) {
    const [tint] = pixelsOf([ink.accent]);
    pen.globalAlpha = 0.45;
    rectangles(pen, PLANE, xs, ys, [wide, high], (index) => (chosen(index) ? tint : 0));
    pen.globalAlpha = 1;
    return;
  }
  pen.strokeStyle = ink.accent;
  pen.lineWidth = 2;
  for (let index = 0; index < xs.length; index += 1) {
    if (!Number.isNaN(xs[index]) && chosen(index)) pen.strokeRect(xs[index] - wide / 2 + 1, ys[index] - high / 2 + 1, wide - 2, high - 2);
  }
}
