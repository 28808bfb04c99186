// @ts-check
// Results against parameters: scatter, line, heat-map and parallel coordinates on one canvas; a drag selects points.
import { choice, digits, inSlices, labelled, latest, make, patiently, plainTable, twin } from "./dom.js";
import { numbersOf } from "./ask.js";
import { colouring, dots, drawAxis, frames, heat, HEIGHT, line, placesOf, spanOf, WIDTH } from "./flat.js";
import { drawParallel, uprights, valueAt } from "./parallel.js";
import { inks, sharp } from "./theme.js";

/** @type {Array<[string, string]>} */
const KINDS = [["scatter", "scatter"], ["line", "line"], ["heat", "heat-map"], ["parallel", "parallel coordinates"]];

/** @param {any} context */
export function plotView(context) {
  const { model, ask } = context;
  const canvas = make("canvas", { class: "fpw-plot", tabindex: "0", role: "img" });
  const tip = make("div", { class: "fpw-tip", "aria-live": "polite" }, " ");
  const controls = make("div", { class: "fpw-tools" });
  const root = make("div", { class: "fpw-plots" }, controls, twin(canvas, table), tip,
    make("div", { class: "fpw-actions" }, make("button", { type: "button", onclick: () => { ranges.clear(); context.select([]); } }, "Clear selection")));
  const chosen = { kind: "", x: "", y: "", colour: "" };
  /** @type {Map<string, {labels: string[], data: Float64Array}>} */
  const data = new Map();
  /** @type {Map<string, [number, number]>} */
  const ranges = new Map();
  let columns = /** @type {any[]} */ ([]);
  let across = new Float32Array(0); // where each point is drawn; not a number where it is not
  let up = new Float32Array(0);
  let drag = /** @type {null | {x: number, y: number, to: [number, number]}} */ (null);
  let here = -1;
  let cell = /** @type {[number, number]} */ ([0, 0]); // of a heat-map
  let counted = 0; // points that `data` tells of
  let painting = new AbortController();
  let known = -1; // the change up to which `data` tells
  let order = /** @type {number[]} */ ([]); // points from left to right, for the arrow keys
  // All points, and above them those selected: 100,000 are not drawn anew for each step of the pointer.
  const base = make("canvas");
  const above = make("canvas");
  let controlled = ""; // what the controls offer and show
  let painted = ""; // the page's colours then
  let marked = /** @type {number[] | null} */ (null); // the selection that is drawn

  const usable = () => columns.filter((column) => !column.constant || column.role === "value").filter((column) => column.name !== "run_machine" && column.name !== "run_reason");
  const axisNames = () => usable().filter((column) => column.role === "parameter").map((column) => column.name);

  /** Have the columns of these names. What parameters were given never changes. @param {string[]} names */
  async function need(names) {
    const count = context.numbers().length;
    const stays = (/** @type {string} */ name) => count === counted && data.has(name) && axisNames().includes(name);
    const wanted = [...new Set(names.filter(Boolean))].filter((name) => !stays(name));
    const { answer, buffers } = await patiently(ask("column", { names: wanted }), (words) => { if (!data.size) tip.textContent = words; });
    if (!data.size) tip.textContent = " ";
    if (count !== counted) data.clear();
    columns = answer.columns;
    counted = count;
    wanted.forEach((name, index) => data.set(name, { labels: answer.labels[index], data: numbersOf(buffers[index], Float64Array) }));
  }

  function suggest() {
    const names = usable().map((column) => column.name);
    const parameters = axisNames();
    const values = usable().filter((column) => column.role === "value" && column.numeric).map((column) => column.name);
    const first = values[0] || "run_seconds";
    if (!names.includes(chosen.x)) chosen.x = parameters[0] || names[0] || "";
    if (!chosen.kind) chosen.kind = parameters.length === 2 && values.length ? "heat" : parameters.length === 1 ? "line" : parameters.length > 2 ? "parallel" : "scatter";
    if (!names.includes(chosen.y)) chosen.y = chosen.kind === "heat" ? parameters[1] || first : first;
    if (chosen.colour && !names.includes(chosen.colour)) chosen.colour = "";
    if (!chosen.colour && (chosen.kind === "heat" || chosen.kind === "parallel")) chosen.colour = first;
  }

  function fillControls() {
    const names = usable().map((column) => column.name);
    const now = JSON.stringify([names, chosen]);
    if (now === controlled) return; // else an open list would close
    controlled = now;
    const pick = (/** @type {"x" | "y" | "colour"} */ key, /** @type {string} */ words, /** @type {any[]} */ more = []) =>
      labelled(words, choice([...more, ...names], chosen[key], (value) => { chosen[key] = value; load(); }));
    controls.replaceChildren(
      labelled("plot", choice(KINDS, chosen.kind, (value) => { chosen.kind = value; chosen.y = ""; ranges.clear(); load(); })),
      ...(chosen.kind === "parallel" ? [] : [pick("x", "across"), pick("y", "up")]),
      pick("colour", "colour", chosen.kind === "heat" ? [] : [["", "state"]]));
  }

  const load = latest(async () => {
    try {
      const seq = model.get("status").seq;
      if (!columns.length) columns = context.columns;
      if (!columns.length) await need([]);
      suggest();
      await need(chosen.kind === "parallel" ? [...usable().map((column) => column.name)] : [chosen.x, chosen.y, chosen.colour]);
      known = seq;
      fillControls();
      await paint();
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
  });

  const colour = () => colouring(model.get("colours"), context.states(), data.get(chosen.colour));
  const values = (/** @type {string} */ name) => /** @type {import("./flat.js").Values} */ (data.get(name));

  /** @param {number[]} numbers @returns {(index: number) => boolean} */
  function among(numbers) {
    const wanted = new Set(numbers);
    const all = context.numbers();
    return (index) => wanted.has(all[index]);
  }

  async function paint() {
    if (!data.size) return;
    painting.abort();
    order = [];
    across = up = new Float32Array(0);
    canvas.setAttribute("aria-label", describe());
    painted = JSON.stringify(inks(root));
    if (chosen.kind === "parallel") return paintParallel();
    const pen = sharp(base, WIDTH, HEIGHT);
    const ink = inks(root);
    const cells = chosen.kind === "heat";
    const [alongX, alongY] = [spanOf(values(chosen.x), false, cells), spanOf(values(chosen.y), true, cells)];
    drawAxis(pen, ink, chosen.x, values(chosen.x).labels, alongX, false);
    drawAxis(pen, ink, chosen.y, values(chosen.y).labels, alongY, true);
    [across, up] = placesOf(values(chosen.x).data, values(chosen.y).data, alongX.place, alongY.place);
    cell = [alongX.cell, alongY.cell];
    if (cells) heat(pen, ink, across, up, cell, colour(), chosen.colour, values(chosen.colour));
    else {
      if (chosen.kind === "line") line(pen, ink.accent, across, up);
      dots(pen, across, up, colour(), null);
    }
    mark();
  }

  /** Thousands of lines take long: they are drawn aside, in slices, and shown when all are there. */
  async function paintParallel() {
    const mine = painting = new AbortController();
    const aside = make("canvas");
    aside.getContext("2d", { willReadFrequently: true });
    const { colours, code } = colour();
    const selected = marked = model.get("selection");
    const bits = drawParallel(sharp(aside, WIDTH, HEIGHT), inks(root), axesOf(), counted, (index) => colours[code(index)], selected.length ? among(selected) : null, ranges);
    await inSlices(bits, mine.signal);
    if (mine.signal.aborted) return;
    sharp(base, WIDTH, HEIGHT).drawImage(aside, 0, 0, WIDTH, HEIGHT);
    sharp(above, WIDTH, HEIGHT);
    draw();
  }

  function mark() {
    const pen = sharp(above, WIDTH, HEIGHT);
    marked = model.get("selection");
    if (marked?.length) {
      if (chosen.kind === "heat") frames(pen, inks(root), across, up, cell, among(marked));
      else dots(pen, across, up, colour(), among(marked));
    }
    draw();
  }

  function draw() {
    const pen = sharp(canvas, WIDTH, HEIGHT);
    pen.globalAlpha = model.get("selection").length && (chosen.kind === "scatter" || chosen.kind === "line") ? 0.3 : 1;
    pen.drawImage(base, 0, 0, WIDTH, HEIGHT);
    pen.globalAlpha = 1;
    pen.drawImage(above, 0, 0, WIDTH, HEIGHT);
    if (here >= 0 && !Number.isNaN(across[here] ?? NaN)) {
      pen.strokeStyle = inks(root).ink;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.arc(across[here], up[here], 7, 0, 7);
      pen.stroke();
    }
    if (drag && chosen.kind !== "parallel") {
      pen.strokeStyle = inks(root).accent;
      pen.setLineDash([4, 3]);
      pen.strokeRect(drag.x, drag.y, drag.to[0] - drag.x, drag.to[1] - drag.y);
      pen.setLineDash([]);
    }
  }

  function describe() {
    const kind = /** @type {any} */ (KINDS.find(([kind]) => kind === chosen.kind))[1];
    return chosen.kind === "parallel" ? `${kind} of ${context.numbers().length} points` : `${kind}: ${chosen.y} against ${chosen.x}${chosen.colour ? `, coloured by ${chosen.colour}` : ""}`;
  }

  const axesOf = () => uprights(usable().map((column) => column.name), data);

  function table() {
    const names = chosen.kind === "parallel" ? usable().map((column) => column.name) : [chosen.x, chosen.y, chosen.colour].filter(Boolean);
    const numbers = context.numbers();
    const lines = [];
    for (let index = 0; index < Math.min(numbers.length, 500); index += 1) {
      lines.push([numbers[index], ...names.map((name) => {
        const { labels, data: found } = /** @type {any} */ (data.get(name));
        return labels.length ? labels[found[index]] ?? "" : digits(found[index]);
      })]);
    }
    return plainTable(["point", ...names], lines, describe() + (numbers.length > 500 ? `, the first 500 of ${numbers.length}` : ""));
  }

  /** @param {number} x @param {number} y */
  function nearest(x, y) {
    let best = -1;
    let least = 400;
    for (let index = 0; index < across.length; index += 1) {
      const far = (across[index] - x) ** 2 + (up[index] - y) ** 2;
      if (far < least) [best, least] = [index, far];
    }
    return best;
  }

  /** @param {number} index */
  function tell(index) {
    here = index;
    if (index < 0) { tip.textContent = " "; return; }
    const names = [chosen.x, chosen.y, chosen.colour].filter((name, place, list) => name && list.indexOf(name) === place);
    const words = names.map((name) => {
      const { labels, data: found } = /** @type {any} */ (data.get(name));
      return `${name} = ${labels.length ? labels[found[index]] : digits(found[index])}`;
    });
    tip.textContent = `point ${context.numbers()[index]}: ${words.join(", ")} — Enter explores it, Space selects it`;
  }

  function chooseInBox() {
    if (!drag) return;
    const [left, right] = [Math.min(drag.x, drag.to[0]), Math.max(drag.x, drag.to[0])];
    const [top, bottom] = [Math.min(drag.y, drag.to[1]), Math.max(drag.y, drag.to[1])];
    const numbers = context.numbers();
    const inside = (/** @type {number} */ index) => across[index] >= left && across[index] <= right && up[index] >= top && up[index] <= bottom;
    context.select(Array.from(numbers).filter((_, index) => inside(index)));
  }

  function chooseInRanges() {
    const lines = axesOf();
    const numbers = context.numbers();
    const found = [];
    for (let index = 0; index < numbers.length; index += 1) {
      const fits = lines.every((axis) => {
        const range = ranges.get(axis.name);
        return !range || (axis.found[index] >= range[0] && axis.found[index] <= range[1]);
      });
      if (fits) found.push(numbers[index]);
    }
    context.select(ranges.size ? found : []);
  }

  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    canvas.setPointerCapture(event.pointerId);
    drag = { x: event.offsetX, y: event.offsetY, to: [event.offsetX, event.offsetY] };
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (drag) drag.to = [event.offsetX, event.offsetY];
    else if (chosen.kind !== "parallel") tell(nearest(event.offsetX, event.offsetY));
    requestAnimationFrame(draw);
  });
  canvas.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    if (!drag) return;
    drag.to = [event.offsetX, event.offsetY];
    const moved = Math.abs(drag.to[0] - drag.x) + Math.abs(drag.to[1] - drag.y) > 5;
    if (chosen.kind === "parallel") brush(moved);
    else if (moved) chooseInBox();
    else {
      const index = nearest(event.offsetX, event.offsetY);
      if (index >= 0) context.go(context.numbers()[index]);
    }
    drag = null;
    draw();
  });

  /** @param {boolean} moved */
  function brush(moved) {
    if (!drag) return;
    const { x } = drag;
    const axis = axesOf().sort((one, other) => Math.abs(one.x - x) - Math.abs(other.x - x))[0];
    if (!axis) return;
    const ends = [valueAt(axis, drag.y), valueAt(axis, drag.to[1])];
    if (moved) ranges.set(axis.name, [Math.min(...ends), Math.max(...ends)]);
    else ranges.delete(axis.name);
    chooseInRanges();
  }

  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!order.length) order = Array.from(across.keys()).filter((index) => !Number.isNaN(across[index])).sort((one, other) => across[one] - across[other] || up[other] - up[one]);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined && order.length) tell(order[(order.indexOf(here) + step + order.length) % order.length]);
    else if (event.key === "Enter" && here >= 0) context.go(context.numbers()[here]);
    else if (event.key === " " && here >= 0) context.toggle(context.numbers()[here]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    draw();
  });
  // What a plot shows is asked for when it changed; else no more is drawn than has to be.
  function update() {
    if (model.get("status").seq !== known || !data.size) load();
    else if (painted !== JSON.stringify(inks(root)) || (chosen.kind === "parallel" && marked !== model.get("selection"))) paint();
    else if (marked !== model.get("selection")) mark();
    else draw();
  }
  return { root, update };
}
