// @ts-check
// How the points stand: one small cell a point, told apart by colour and by shape, with counts and what went wrong.
import { make, plainTable, twin } from "./dom.js";
import { pixelsOf, squares } from "./pixels.js";
import { inks, sharp } from "./theme.js";

export const MARKS = ["·", "○", "▸", "✓", "✗", "–", "?"];
const MAP_HEIGHT = 300; // CSS pixels the map may be high before its cells become smaller
const MAP_WIDTH = 720;
const SHAPED = 4; // CSS pixels a cell needs to have a shape

/**
 * A state as a coloured mark and its word: the word is in the page's own ink, which can be read on every theme.
 * @param {any} model
 * @param {number} state
 * @param {string} words
 */
export function stateWords(model, state, words) {
  return [make("i", { class: "fpw-chip", style: `background:${model.get("colours")[state]}`, "aria-hidden": "true" }, MARKS[state]), words];
}

/**
 * One cell: full where there is a result, other shapes for all else, so that no state is told by colour alone.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} state
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
function cell(pen, state, x, y, size) {
  const inner = size - 1;
  if (state === 3) pen.fillRect(x, y, inner, inner);
  else if (state === 0) pen.fillRect(x + inner * 0.35, y + inner * 0.35, inner * 0.3, inner * 0.3);
  else if (state === 1) pen.strokeRect(x + 0.5, y + 0.5, inner - 1, inner - 1);
  else if (state === 2) pen.fillRect(x, y + inner / 2, inner, inner / 2);
  else if (state === 5) pen.fillRect(x, y + inner * 0.4, inner, Math.max(inner * 0.25, 1));
  else {
    pen.fillRect(x, y, inner, inner);
    pen.save();
    pen.strokeStyle = "#fff";
    pen.lineWidth = Math.max(inner / 7, 1);
    pen.beginPath();
    pen.moveTo(x + inner * 0.2, y + inner * 0.2);
    pen.lineTo(x + inner * 0.8, y + inner * 0.8);
    if (state === 4) {
      pen.moveTo(x + inner * 0.8, y + inner * 0.2);
      pen.lineTo(x + inner * 0.2, y + inner * 0.8);
    }
    pen.stroke();
    pen.restore();
  }
}

/**
 * @param {any} context what the views share: model, states(), numbers(), go(number), ask, signal
 */
export function statesView(context) {
  const { model, ask } = context;
  const canvas = make("canvas", { class: "fpw-map", tabindex: "0", role: "img" });
  const tip = make("div", { class: "fpw-tip", "aria-live": "polite" }, " ");
  const legend = make("ul", { class: "fpw-legend" });
  const bad = make("div", { class: "fpw-failures" });
  const said = make("div", { class: "fpw-messages" });
  const retry = make("button", { type: "button", onclick: () => act("retry") }, "Retry failed");
  const cancel = make("button", { type: "button", onclick: () => act("cancel") }, "Cancel the rest");
  const root = make("div", { class: "fpw-progress" }, legend, twin(canvas, table), tip, bad, said,
    make("div", { class: "fpw-actions" }, retry, cancel));
  let size = 10;
  let across = 1;
  let here = 0;
  let plane = [1, 1]; // width and height of the map
  let painted = { states: new Uint8Array(0), width: 0 }; // what `base` shows
  const base = make("canvas");

  /** @param {string} what */
  async function act(what) {
    const button = what === "retry" ? retry : cancel;
    button.disabled = true;
    try {
      await ask(what);
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
    update();
  }

  function table() {
    const numbers = context.numbers();
    const states = context.states();
    const words = model.get("words");
    const lines = [];
    for (let index = 0; index < Math.min(numbers.length, 500); index += 1) lines.push([numbers[index], words[states[index]]]);
    const more = numbers.length > 500 ? ` (the first 500 of ${numbers.length}; the Table view holds all)` : "";
    return plainTable(["point", "state"], lines, `State of every point${more}`);
  }

  /** All cells, drawn when they changed: 100,000 are not drawn anew for each step of the pointer. */
  function paint() {
    const states = context.states();
    const count = states.length;
    const width = Math.min(root.clientWidth || MAP_WIDTH, MAP_WIDTH);
    if (painted.states === states && painted.width === width) return;
    painted = { states, width };
    size = Math.max(2, Math.min(18, Math.floor(Math.sqrt((width * MAP_HEIGHT) / Math.max(count, 1)))));
    across = Math.max(1, Math.floor(width / size));
    plane = [Math.min(count, across) * size || 1, Math.ceil(count / across) * size || 1];
    const pen = sharp(base, plane[0], plane[1]);
    const colours = model.get("colours");
    if (size < SHAPED) return squares(pen, across, size, states, pixelsOf(colours));
    for (let state = 0; state < colours.length; state += 1) {
      pen.fillStyle = pen.strokeStyle = colours[state];
      for (let index = 0; index < count; index += 1) {
        if (states[index] === state) cell(pen, state, (index % across) * size, Math.floor(index / across) * size, size);
      }
    }
  }

  function draw() {
    paint();
    const pen = sharp(canvas, plane[0], plane[1]);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(base, 0, 0, plane[0], plane[1]);
    if (document.activeElement === canvas && context.states().length) {
      pen.strokeStyle = inks(root).ink;
      pen.lineWidth = 2;
      pen.strokeRect((here % across) * size - 1, Math.floor(here / across) * size - 1, size + 1, size + 1);
    }
  }

  /** @param {number} index */
  function point(index) {
    const numbers = context.numbers();
    if (index < 0 || index >= numbers.length) return;
    here = index;
    tip.textContent = `point ${numbers[index]}: ${model.get("words")[context.states()[index]]} — Enter or a click explores it`;
    draw();
  }

  /** @param {MouseEvent} event */
  const under = (event) => Math.floor(event.offsetY / size) * across + Math.floor(event.offsetX / size);
  canvas.addEventListener("mousemove", (/** @type {MouseEvent} */ event) => point(under(event)));
  canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => context.go(context.numbers()[under(event)]));
  canvas.addEventListener("focus", () => point(here));
  canvas.addEventListener("blur", draw);
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (event.key === "Enter") context.go(context.numbers()[here]);
    else if (step !== undefined) point(here + step);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function update() {
    const status = model.get("status");
    const words = model.get("words");
    const counts = status.counts || {};
    legend.replaceChildren(...words.map((/** @type {string} */ word, /** @type {number} */ index) => !counts[word] ? "" :
      make("li", {}, stateWords(model, index, `${counts[word].toLocaleString()} ${word}`))));
    canvas.setAttribute("aria-label", `State of ${context.numbers().length} points: ${words.filter((/** @type {string} */ word) => counts[word]).map((/** @type {string} */ word) => `${counts[word]} ${word}`).join(", ")}`);
    bad.replaceChildren(...(status.failures || []).map((/** @type {string} */ line) => make("div", {}, `✗ ${line}`)));
    const lines = [...(status.waits || []).map((/** @type {string} */ each) => `waiting: ${each}`), ...(status.messages || [])];
    said.replaceChildren(...lines.map((line) => make("div", {}, line)));
    retry.disabled = !(counts.FAILED || counts.LOST);
    cancel.disabled = !(counts.NEW || counts.QUEUED || counts.RUNNING);
    draw();
  }
  return { root, update };
}
