// @ts-check
// Parallel coordinates: an axis for each column, a line for each point, a range that was chosen on an axis.
import { digits } from "./dom.js";
import { HEIGHT, WIDTH } from "./flat.js";
import { extent } from "./theme.js";

const LINES_DRAWN = 4000; // more lines than this only blacken the picture
const AT_A_TIME = 100;
const MOST_AXES = 9;
const [CEILING, FLOOR] = [30, HEIGHT - 30];

/** @typedef {{name: string, labels: string[], found: Float64Array, low: number, high: number, x: number}} Upright */

/**
 * @param {string[]} names
 * @param {Map<string, import("./flat.js").Values>} data
 * @returns {Upright[]}
 */
export function uprights(names, data) {
  return names.filter((name) => data.has(name)).slice(0, MOST_AXES).map((name, index, list) => {
    const { labels, data: found } = /** @type {import("./flat.js").Values} */ (data.get(name));
    const [low, high] = labels.length ? [0, Math.max(labels.length - 1, 1)] : extent(found);
    return { name, labels, found, low, high, x: 40 + (index * (WIDTH - 80)) / Math.max(list.length - 1, 1) };
  });
}

/** @param {Upright} axis @param {number} each */
const heightOf = (axis, each) => CEILING + (FLOOR - CEILING) * (1 - (each - axis.low) / (axis.high - axis.low || 1));

/** The value at a height. @param {Upright} axis @param {number} y */
export const valueAt = (axis, y) => axis.low + (axis.high - axis.low) * (1 - (y - CEILING) / (FLOOR - CEILING));

/**
 * Draws it bit by bit: whoever lets it go on may do something else in between.
 * @param {CanvasRenderingContext2D} pen
 * @param {{ink: string, quiet: string, accent: string}} ink
 * @param {Upright[]} axes
 * @param {number} count of points
 * @param {(index: number) => string} colourOf
 * @param {((index: number) => boolean) | null} chosen those that stand out; null where all are alike
 * @param {Map<string, [number, number]>} ranges
 */
export function* drawParallel(pen, ink, axes, count, colourOf, chosen, ranges) {
  const step = Math.max(1, Math.ceil(count / LINES_DRAWN));
  let drawn = 0;
  for (const strong of chosen ? [false, true] : [false]) {
    pen.globalAlpha = chosen && !strong ? 0.1 : 0.7;
    pen.lineWidth = strong ? 1.8 : 1;
    for (let index = 0; index < count; index += step) {
      if (chosen && chosen(index) !== strong) continue;
      pen.strokeStyle = colourOf(index);
      pen.beginPath();
      through(pen, axes, index);
      pen.stroke();
      if ((drawn += 1) % AT_A_TIME) continue;
      pen.getImageData(0, 0, 1, 1); // a canvas puts the drawing itself off until somebody looks
      yield;
    }
  }
  pen.globalAlpha = 1;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "center";
  for (const axis of axes) upright(pen, ink, axis, ranges.get(axis.name));
}

/** @param {CanvasRenderingContext2D} pen @param {Upright[]} axes @param {number} index */
function through(pen, axes, index) {
  let begun = false;
  for (const axis of axes) {
    const each = axis.found[index];
    if (!Number.isFinite(each)) begun = false;
    else if (begun) pen.lineTo(axis.x, heightOf(axis, each));
    else { pen.moveTo(axis.x, heightOf(axis, each)); begun = true; }
  }
}

/** @param {CanvasRenderingContext2D} pen @param {{ink: string, quiet: string, accent: string}} ink @param {Upright} axis @param {[number, number] | undefined} range */
function upright(pen, ink, axis, range) {
  const ends = axis.labels.length ? [axis.labels[0], axis.labels[axis.labels.length - 1]].map((each) => each.slice(0, 12)) : [digits(axis.low), digits(axis.high)];
  pen.strokeStyle = ink.quiet;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(axis.x, CEILING);
  pen.lineTo(axis.x, FLOOR);
  pen.stroke();
  pen.fillStyle = ink.ink;
  pen.fillText(axis.name.slice(0, 14), axis.x, 12);
  pen.fillStyle = ink.quiet;
  pen.fillText(ends[1], axis.x, 25);
  pen.fillText(ends[0], axis.x, HEIGHT - 16);
  if (!range) return;
  pen.fillStyle = ink.accent;
  pen.globalAlpha = 0.35;
  pen.fillRect(axis.x - 6, heightOf(axis, range[1]), 12, Math.max(heightOf(axis, range[0]) - heightOf(axis, range[1]), 2));
  pen.globalAlpha = 1;
}
