// @ts-check
// The explorer: a slider for each axis, the point's picture and values, its neighbours in a contact sheet.
import { labelled, make, patiently } from "./dom.js";
import { numbersOf } from "./ask.js";
import { stateWords } from "./states.js";

const SHEET = 24; // thumbnails a page of the contact sheet holds

/**
 * The address at which this Jupyter opens a file; empty where there is no Jupyter around, or the file is not below it.
 * @param {{path: string, home: string}} notebook
 */
export function pageOf({ path, home }) {
  const config = document.getElementById("jupyter-config-data");
  if (!config) return "";
  const { baseUrl = "/", serverRoot = "", appUrl = "/lab" } = JSON.parse(config.textContent || "{}");
  const root = serverRoot.replace(/^~/, home).replace(/\/$/, "");
  if (!root || !path.startsWith(`${root}/`)) return "";
  const rest = path.slice(root.length + 1).split("/").map(encodeURIComponent).join("/");
  const tree = appUrl.includes("lab") ? "lab/tree" : "notebooks";
  return `${baseUrl.replace(/\/$/, "")}/${tree}/${rest}`;
}

/** @param {any} context */
export function exploreView(context) {
  const { model, ask } = context;
  const sliders = make("div", { class: "fpw-sliders" });
  const stage = make("div", { class: "fpw-stage" });
  const values = make("tbody");
  const title = make("div", { class: "fpw-point", role: "status" }, "no point yet");
  const trouble = make("pre", { class: "fpw-error", hidden: true, tabindex: "0" });
  const sheet = make("div", { class: "fpw-sheet" });
  const refine = make("button", { type: "button", onclick: refineHere }, "Refine here");
  const retry = make("button", { type: "button", onclick: () => run("retry") }, "Retry this point");
  const choose = make("button", { type: "button", onclick: () => context.toggle(model.get("cursor")) }, "Select this point");
  const opened = make("span", { class: "fpw-opened" });
  const more = make("button", { type: "button", onclick: fillSheet }, "Contact sheet around here");
  const note = make("p", { class: "fpw-note", role: "status" });
  const root = make("div", { class: "fpw-explore" },
    sliders, make("div", { class: "fpw-pair" }, stage, make("div", { class: "fpw-about" }, title, make("table", { class: "fpw-values" }, make("caption", { class: "fpw-hidden" }, "Values of the point"), values), trouble)),
    make("div", { class: "fpw-actions" }, choose, retry, refine, more, opened), note, sheet);
  let axes = /** @type {any[]} */ ([]);
  let places = new Int32Array(0);
  let byPlace = new Map();
  let inputs = /** @type {any[]} */ ([]);
  let turn = 0;
  let asking = -1; // the point whose answer is on its way
  let loaded = -1;
  let loading = /** @type {Promise<void> | null} */ (null);
  let shown = { number: -1, state: -1 };
  /** @type {Map<number, {url: string, state: number}>} */
  const pictures = new Map();

  /** @param {number} index */
  const placeOf = (index) => [...places.subarray(index * axes.length, (index + 1) * axes.length)];

  /** Where the points lie: that changes only when there are more of them. */
  function load() {
    if (context.numbers().length === loaded) return Promise.resolve();
    loading ??= readAxes().finally(() => { loading = null; });
    return loading;
  }

  async function readAxes() {
    const count = context.numbers().length;
    const { answer, buffers } = await patiently(ask("axes"), (words) => { if (!axes.length) sliders.textContent = words; });
    loaded = count;
    context.columns = answer.columns;
    const before = JSON.stringify(axes);
    axes = answer.axes;
    places = numbersOf(buffers[0], Int32Array);
    byPlace = new Map();
    for (let index = 0; axes.length && index < places.length / axes.length; index += 1) byPlace.set(placeOf(index).join(), index);
    if (JSON.stringify(axes) !== before || !inputs.length) build();
    place(context.numbers().indexOf(model.get("cursor")));
  }

  function build() {
    inputs = axes.map((axis, place) => {
      const out = make("output", {}, axis.labels[0]);
      const input = make("input", {
        type: "range", min: 0, max: axis.labels.length - 1, step: 1, value: 0, "aria-label": axis.name,
        oninput: () => slide(),
      });
      input.dataset.axis = axis.name;
      return { input, out, place };
    });
    sliders.replaceChildren(...inputs.map(({ input, out, place }) => make("div", { class: "fpw-slider" }, labelled(axes[place].name, input), out)));
  }

  function words() {
    inputs.forEach(({ input, out, place }) => {
      out.textContent = axes[place].labels[input.value] ?? "";
      input.setAttribute("aria-valuetext", out.textContent);
    });
  }

  function slide() {
    words();
    const at = inputs.map(({ input }) => Number(input.value));
    let index = byPlace.get(at.join());
    note.textContent = "";
    if (index === undefined) {
      index = nearest(at);
      note.textContent = "No point there: the nearest one is shown.";
    }
    if (index === undefined) return;
    show(context.numbers()[index]); // before the kernel is told where the cursor is
    context.look(context.numbers()[index]);
  }

  /** @param {number[]} at */
  function nearest(at) {
    const spans = axes.map((axis) => Math.max(axis.labels.length - 1, 1));
    let best;
    let least = Infinity;
    for (let index = 0; axes.length && index < places.length / axes.length; index += 1) {
      let far = 0;
      for (let axis = 0; axis < spans.length; axis += 1) far += ((places[index * spans.length + axis] - at[axis]) / spans[axis]) ** 2;
      if (far < least) [best, least] = [index, far];
    }
    return best;
  }

  /** Put the sliders where a point is. @param {number} index */
  function place(index) {
    if (index < 0 || !axes.length || places.length < (index + 1) * axes.length) return;
    const at = placeOf(index);
    if (!note.textContent) inputs.forEach(({ input }, axis) => { input.value = at[axis]; });
    words();
  }

  /** @param {number} number */
  async function show(number) {
    const index = context.numbers().indexOf(number);
    if (index < 0 || number === asking) return;
    const mine = (turn += 1);
    asking = number;
    place(index);
    try {
      const { answer, buffers } = await ask("point", { number });
      if (mine === turn) fill(answer, buffers);
    } catch (fault) {
      if (mine === turn) context.complain(/** @type {Error} */ (fault).message);
    } finally {
      if (mine === turn) asking = -1;
    }
  }

  /** @param {number} number @param {any} answer @param {DataView[]} buffers */
  function keep(number, answer, buffers) {
    const old = pictures.get(number);
    if (old) URL.revokeObjectURL(old.url);
    if (!answer.picture) { pictures.delete(number); return ""; }
    const url = URL.createObjectURL(new Blob([/** @type {any} */ (buffers[0])], { type: answer.picture }));
    pictures.set(number, { url, state: answer.state });
    return url;
  }

  /** @param {any} answer @param {DataView[]} buffers */
  function fill(answer, buffers) {
    shown = { number: answer.number, state: answer.state };
    title.replaceChildren(...stateWords(model, answer.state, `point ${answer.number} — ${answer.words}`));
    const url = keep(answer.number, answer, buffers);
    stage.replaceChildren(url
      ? make("img", { src: url, alt: `picture of point ${answer.number}` })
      : make("p", {}, answer.trouble || answer.error || (answer.state === 3 ? "no picture of this point" : `${answer.words}: no picture yet`)));
    values.replaceChildren(...answer.values.map((/** @type {any} */ each) => make("tr", { class: `fpw-is-${each.role}` }, make("th", { scope: "row" }, each.name), make("td", {}, each.text))));
    trouble.hidden = !answer.traceback;
    trouble.textContent = answer.traceback;
    const href = answer.notebook && pageOf(answer.notebook);
    opened.replaceChildren(href ? make("a", { href, target: "_blank", rel: "noopener" }, "open its notebook") : answer.notebook ? answer.notebook.path : "");
    retry.disabled = !(answer.state === 4 || answer.state === 6);
  }

  /** @param {string} what */
  async function run(what) {
    try {
      await ask(what, { numbers: [model.get("cursor")] });
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
  }

  async function refineHere() {
    const index = context.numbers().indexOf(model.get("cursor"));
    if (index < 0 || !axes.length) return;
    try {
      const { answer, buffers } = await ask("column", { names: answerNames() });
      const columns = answerNames().map((name, place) => ({ name, labels: answer.labels[place], data: numbersOf(buffers[place], Float64Array) }));
      const points = around(columns, index);
      const found = points.length ? (await ask("refine", { points })).answer.count : 0;
      note.textContent = found ? `${found} points added halfway to the neighbours.` : "Nothing to add here: no numbers lie between.";
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
  }

  const answerNames = () => axes.map((axis) => axis.name);

  /**
   * The point itself with one coordinate moved halfway to each neighbour.
   * @param {any[]} columns
   * @param {number} index
   */
  function around(columns, index) {
    if (columns.some((column) => column.labels.length)) return [];
    const own = Object.fromEntries(columns.map((column) => [column.name, column.data[index]]));
    return columns.flatMap((column) => {
      const different = [...new Set(column.data)].filter(Number.isFinite).sort((one, other) => one - other);
      const at = different.indexOf(own[column.name]);
      return [different[at - 1], different[at + 1]].filter((each) => each !== undefined)
        .map((each) => ({ ...own, [column.name]: Number(((each + own[column.name]) / 2).toPrecision(12)) }));
    });
  }

  async function fillSheet() {
    const numbers = context.numbers();
    const start = Math.max(0, Math.min(numbers.indexOf(model.get("cursor")) - SHEET / 2, numbers.length - SHEET));
    more.disabled = true;
    sheet.replaceChildren();
    for (const number of numbers.slice(start, start + SHEET)) {
      try {
        const { answer, buffers } = await ask("point", { number });
        const url = keep(number, answer, buffers);
        const varied = answer.values.filter((/** @type {any} */ each) => answerNames().includes(each.name));
        const words = varied.map((/** @type {any} */ each) => `${each.name} = ${each.text}`).join(", ");
        const brief = varied.map((/** @type {any} */ each) => each.text).join(" · ");
        sheet.append(make("button", { type: "button", class: "fpw-tile", title: words, onclick: () => context.look(number) },
          url ? make("img", { src: url, alt: `picture of point ${number}` }) : make("span", {}, answer.words), make("span", { class: "fpw-caption" }, brief || `point ${number}`)));
      } catch (fault) {
        context.complain(/** @type {Error} */ (fault).message);
        break;
      }
    }
    more.disabled = false;
  }

  async function update() {
    try {
      await Promise.all([load(), follow()]); // the sliders may have to wait until every row was read: the point need not
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
  }

  /** Show the point at the cursor, where it is not shown as it stands. */
  async function follow() {
    const numbers = context.numbers();
    const cursor = model.get("cursor");
    const index = numbers.indexOf(cursor);
    if (index < 0 && numbers.length) context.look(numbers[0]);
    else if (index >= 0 && (shown.number !== cursor || shown.state !== context.states()[index])) await show(cursor);
  }

  context.signal.addEventListener("abort", () => pictures.forEach(({ url }) => URL.revokeObjectURL(url)));
  return { root, update, show };
}
