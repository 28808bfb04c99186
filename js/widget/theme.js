// @ts-check
// What canvases must know of the page around them: its colours, and when they change.

/**
 * @param {Element} element
 * @returns {{ink: string, quiet: string, line: string, paper: string, accent: string}}
 */
export function inks(element) {
  const found = getComputedStyle(element);
  const pick = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
    found.getPropertyValue(name).trim() || otherwise;
  return {
    ink: found.color || "#222",
    quiet: pick("--fpw-quiet", "#666"),
    line: pick("--fpw-line", "#ccc"),
    paper: pick("--fpw-paper", "#fff"),
    accent: pick("--fpw-accent", "#1976d2"),
  };
}

/**
 * Calls `call` when the page's theme changes.
 * @param {() => void} call
 * @param {AbortSignal} signal
 */
export function onTheme(call, signal) {
  const seen = new MutationObserver(call);
  const options = { attributes: true, attributeFilter: ["class", "data-jp-theme-name", "data-theme", "style"] };
  seen.observe(document.documentElement, options);
  if (document.body) seen.observe(document.body, options);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", call, { signal });
  signal.addEventListener("abort", () => seen.disconnect());
}

const SCALE = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
];

/**
 * A colour for a part from 0 to 1, on a scale that also reads in grey.
 * @param {number} part
 */
export function shade(part) {
  const at = Math.min(Math.max(part, 0), 1) * (SCALE.length - 1);
  const low = Math.min(Math.floor(at), SCALE.length - 2);
  const mix = SCALE[low].map((each, index) => Math.round(each + (SCALE[low + 1][index] - each) * (at - low)));
  return `rgb(${mix.join()})`;
}

/**
 * The smallest and the largest of the finite numbers; 0 and 1 where there is none.
 * @param {ArrayLike<number>} found
 * @returns {[number, number]}
 */
export function extent(found) {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < found.length; index += 1) {
    const each = found[index];
    if (Number.isFinite(each)) {
      if (each < low) low = each;
      if (each > high) high = each;
    }
  }
  return low > high ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/**
 * A canvas as sharp as the screen, `width` by `height` in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @returns {CanvasRenderingContext2D}
 */
export function sharp(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
