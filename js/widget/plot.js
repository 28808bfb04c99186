// @ts-check
// Results against parameters: scatter, line, heat-map and parallel coordinates on one canvas; a drag selects points.
import { choice, digits, labelled, latest, make, patiently, plainTable, twin } from "./dom.js";
import { numbersOf } from "./ask.js";
import { extent, inks, shade, sharp } from "./theme.js";

const WIDTH = 640;
const HEIGHT = 360;
const BOX = { left: 64, right: 24, top: 24, bottom: 44 };
/** @type {Array<[string, string]>} */
const KINDS = [["scatter", "scatter"], ["line", "line"], ["heat", "heat-map"], ["parallel", "parallel coordinates"]];

/**
 * Round values between two numbers, about so many.
 * @param {number} low
 * @param {number} high
 * @param {number} about
 */
export function roundTicks(low, high, about) {
  const raw = (high - low) / Math.max(about, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw * 0.999) || raw;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return found;
}

/**
 * Half the distance between the two nearest different values: what a heat-map needs around its outermost cells.
 * @param {ArrayLike<number>} found
 */
function halfCell(found) {
  const different = [...new Set(Array.from(found))].filter(Number.isFinite).sort((one, other) => one - other);
  const gaps = different.slice(1).map((each, index) => each - different[index]);
  return gaps.length ? Math.min(...gaps) / 2 : 0.5;
}

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
  let places = /** @type {Array<[number, number, number]>} */ ([]); // x, y, index of a point
  let drag = /** @type {null | {x: number, y: number, to: [number, number]}} */ (null);
  let here = -1;
  let cell = [0, 0]; // of a heat-map
  let known = -1; // the change up to which `data` tells
  let order = /** @type {number[]} */ ([]); // points from left to right, for the arrow keys
  // All points, and above them those selected: 100,000 are not drawn anew for each step of the pointer.
  const base = make("canvas");
  const above = make("canvas");
  let painted = ""; // the page's colours then
  let marked = /** @type {number[] | null} */ (null); // the selection that is drawn

  const usable = () => columns.filter((column) => !column.constant || column.role === "value").filter((column) => column.name !== "run_machine" && column.name !== "run_reason");
  const axisNames = () => usable().filter((column) => column.role === "parameter").map((column) => column.name);

  /** @param {string[]} names */
  async function need(names) {
    const wanted = [...new Set(names.filter(Boolean))];
    const { answer, buffers } = await patiently(ask("column", { names: wanted }), (words) => { if (!data.size) tip.textContent = words; });
    if (!data.size) tip.textContent = " ";
    columns = answer.columns;
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
      if (!columns.length) await need([]);
      suggest();
      await need(chosen.kind === "parallel" ? [...usable().map((column) => column.name)] : [chosen.x, chosen.y, chosen.colour]);
      known = seq;
      fillControls();
      paint();
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
  });

  /** What each point is drawn in. @returns {(index: number) => string} */
  function colouring() {
    const colours = model.get("colours");
    const states = context.states();
    if (!chosen.colour) return (index) => colours[states[index]] || "#888";
    const found = /** @type {any} */ (data.get(chosen.colour)).data;
    const [low, high] = extent(found);
    const shades = Array.from({ length: 256 }, (_, part) => shade(part / 255));
    return (index) => (Number.isFinite(found[index]) ? shades[Math.round((255 * (found[index] - low)) / (high - low))] : "transparent");
  }

  /** @param {CanvasRenderingContext2D} pen @param {string} name @param {boolean} up */
  function axisOf(pen, name, up) {
    const { labels, data: found } = /** @type {any} */ (data.get(name));
    let [low, high] = labels.length ? [-0.5, labels.length - 0.5] : extent(found);
    const inner = up ? HEIGHT - BOX.top - BOX.bottom : WIDTH - BOX.left - BOX.right;
    const edge = chosen.kind === "heat" ? halfCell(found) : (high - low) * 0.04;
    if (!labels.length) [low, high] = [low - edge, high + edge];
    const scale = (/** @type {number} */ each) => up ? BOX.top + inner * (1 - (each - low) / (high - low)) : BOX.left + (inner * (each - low)) / (high - low);
    const ink = inks(root);
    pen.fillStyle = ink.quiet;
    pen.strokeStyle = ink.line;
    pen.font = "11px system-ui, sans-serif";
    const every = Math.max(1, Math.ceil(labels.length / 8));
    const marks = labels.length ? labels.map((/** @type {string} */ label, /** @type {number} */ index) => [index, label]).filter((/** @type {any} */ [index]) => index % every === 0) : roundTicks(low, high, up ? 5 : 6).map((at) => [at, digits(at)]);
    for (const [at, words] of marks) {
      const place = scale(at);
      pen.beginPath();
      if (up) { pen.moveTo(BOX.left, place); pen.lineTo(WIDTH - BOX.right, place); } else { pen.moveTo(place, BOX.top); pen.lineTo(place, HEIGHT - BOX.bottom); }
      pen.stroke();
      pen.textAlign = up ? "right" : "center";
      pen.fillText(String(words).slice(0, 12), up ? BOX.left - 8 : place, up ? place + 4 : HEIGHT - BOX.bottom + 16);
    }
    pen.fillStyle = ink.ink;
    pen.textAlign = up ? "left" : "center";
    pen.fillText(name, up ? 8 : BOX.left + inner / 2, up ? 13 : HEIGHT - 8);
    return scale;
  }

  function paint() {
    if (!data.size) return;
    const pen = sharp(base, WIDTH, HEIGHT);
    places = [];
    order = [];
    canvas.setAttribute("aria-label", describe());
    painted = JSON.stringify(inks(root));
    if (chosen.kind === "parallel") drawParallel(pen);
    else drawFlat(pen);
    mark();
  }

  function mark() {
    const pen = sharp(above, WIDTH, HEIGHT);
    marked = model.get("selection");
    const selected = new Set(marked);
    if (selected.size && chosen.kind !== "parallel") {
      const numbers = context.numbers();
      const strong = places.filter((place) => selected.has(numbers[place[2]]));
      if (chosen.kind === "heat") frame(pen, strong);
      else dots(pen, strong, 1.5);
    }
    draw();
  }

  function draw() {
    const pen = sharp(canvas, WIDTH, HEIGHT);
    pen.globalAlpha = model.get("selection").length && (chosen.kind === "scatter" || chosen.kind === "line") ? 0.3 : 1;
    pen.drawImage(base, 0, 0, WIDTH, HEIGHT);
    pen.globalAlpha = 1;
    pen.drawImage(above, 0, 0, WIDTH, HEIGHT);
    const near = here < 0 ? undefined : places.find((place) => place[2] === here);
    if (near) ring(pen, near[0], near[1], 7);
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

  /** @param {CanvasRenderingContext2D} pen */
  function drawFlat(pen) {
    const across = axisOf(pen, chosen.x, false);
    const up = axisOf(pen, chosen.y, true);
    const xs = /** @type {any} */ (data.get(chosen.x)).data;
    const ys = /** @type {any} */ (data.get(chosen.y)).data;
    for (let index = 0; index < xs.length; index += 1) {
      if (Number.isFinite(xs[index]) && Number.isFinite(ys[index])) places.push([across(xs[index]), up(ys[index]), index]);
    }
    if (chosen.kind === "heat") return heat(pen);
    if (chosen.kind === "line") line(pen);
    dots(pen, places, 0);
  }

  /** @param {CanvasRenderingContext2D} pen @param {typeof places} some @param {number} more */
  function dots(pen, some, more) {
    const colourOf = colouring();
    const size = places.length > 20000 ? 1 : places.length > 2000 ? 2 : 4;
    pen.globalAlpha = 0.9;
    for (const [x, y, index] of some) {
      pen.fillStyle = colourOf(index);
      if (size > 2) { pen.beginPath(); pen.arc(x, y, size + more, 0, 7); pen.fill(); } else pen.fillRect(x, y, size, size);
    }
    pen.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} size */
  function ring(pen, x, y, size) {
    pen.globalAlpha = 1;
    pen.strokeStyle = inks(root).ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(x, y, size, 0, 7);
    pen.stroke();
  }

  /** @param {CanvasRenderingContext2D} pen */
  function line(pen) {
    pen.strokeStyle = inks(root).accent;
    pen.globalAlpha = 0.6;
    pen.beginPath();
    [...places].sort((one, other) => one[0] - other[0]).forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
    pen.globalAlpha = 1;
  }

  function cellSize() {
    const side = (/** @type {0 | 1} */ axis) => Math.max(3, Math.min(2 * halfCell(places.map((place) => Math.round(place[axis] * 4) / 4)), 120));
    return [side(0), side(1)];
  }

  /** @param {CanvasRenderingContext2D} pen */
  function heat(pen) {
    const [wide, high] = cell = cellSize();
    const colourOf = colouring();
    for (const [x, y, index] of places) {
      pen.fillStyle = colourOf(index);
      pen.fillRect(x - wide / 2, y - high / 2, wide + 0.5, high + 0.5);
    }
    key(pen);
  }

  /** @param {CanvasRenderingContext2D} pen @param {typeof places} some */
  function frame(pen, some) {
    const [wide, high] = cell;
    pen.strokeStyle = pen.fillStyle = inks(root).accent;
    pen.lineWidth = 2;
    pen.globalAlpha = Math.min(wide, high) > 5 ? 1 : 0.45; // too small for a frame: tinted
    for (const [x, y] of some) {
      if (Math.min(wide, high) > 5) pen.strokeRect(x - wide / 2 + 1, y - high / 2 + 1, wide - 2, high - 2);
      else pen.fillRect(x - wide / 2, y - high / 2, wide / 2, high / 2);
    }
    pen.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} pen */
  function key(pen) {
    const [low, high] = extent(/** @type {any} */ (data.get(chosen.colour)).data);
    for (let part = 0; part < 100; part += 1) {
      pen.fillStyle = shade(part / 99);
      pen.fillRect(WIDTH - 190 + part, 4, 1.5, 9);
    }
    pen.fillStyle = inks(root).quiet;
    pen.textAlign = "right";
    pen.fillText(`${chosen.colour}  ${digits(low)}`, WIDTH - 196, 13);
    pen.textAlign = "left";
    pen.fillText(digits(high), WIDTH - 84, 13);
  }

  function axesOf() {
    return usable().filter((column) => data.has(column.name)).slice(0, 9).map((column, index, list) => {
      const { labels, data: found } = /** @type {any} */ (data.get(column.name));
      const [low, high] = labels.length ? [0, Math.max(labels.length - 1, 1)] : extent(found);
      const x = 40 + (index * (WIDTH - 80)) / Math.max(list.length - 1, 1);
      const y = (/** @type {number} */ each) => 30 + (HEIGHT - 60) * (1 - (each - low) / (high - low || 1));
      return { name: column.name, labels, found, low, high, x, y };
    });
  }

  /** @param {CanvasRenderingContext2D} pen */
  function drawParallel(pen) {
    const lines = axesOf();
    const colourOf = colouring();
    const ink = inks(root);
    const selected = new Set(model.get("selection"));
    const numbers = context.numbers();
    const step = Math.max(1, Math.ceil(numbers.length / 4000)); // more lines than this only blacken the picture
    for (const pass of [0, 1]) {
      for (let index = 0; index < numbers.length; index += step) {
        const strong = selected.has(numbers[index]);
        if (Number(strong) !== pass) continue;
        pen.globalAlpha = selected.size && !strong ? 0.1 : 0.7;
        pen.strokeStyle = colourOf(index);
        pen.lineWidth = strong ? 1.8 : 1;
        pen.beginPath();
        let begun = false;
        for (const axis of lines) {
          const each = axis.found[index];
          if (!Number.isFinite(each)) { begun = false; continue; }
          if (begun) pen.lineTo(axis.x, axis.y(each)); else pen.moveTo(axis.x, axis.y(each));
          begun = true;
        }
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    for (const axis of lines) {
      pen.strokeStyle = ink.quiet;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(axis.x, 30);
      pen.lineTo(axis.x, HEIGHT - 30);
      pen.stroke();
      pen.fillStyle = ink.ink;
      pen.fillText(axis.name.slice(0, 14), axis.x, 12);
      pen.fillStyle = ink.quiet;
      pen.fillText(axis.labels.length ? axis.labels[axis.labels.length - 1].slice(0, 12) : digits(axis.high), axis.x, 25);
      pen.fillText(axis.labels.length ? axis.labels[0].slice(0, 12) : digits(axis.low), axis.x, HEIGHT - 16);
      const range = ranges.get(axis.name);
      if (range) {
        pen.fillStyle = ink.accent;
        pen.globalAlpha = 0.35;
        pen.fillRect(axis.x - 6, axis.y(range[1]), 12, Math.max(axis.y(range[0]) - axis.y(range[1]), 2));
        pen.globalAlpha = 1;
      }
    }
  }

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
    for (const [px, py, index] of places) {
      const far = (px - x) ** 2 + (py - y) ** 2;
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
    context.select(places.filter(([x, y]) => x >= left && x <= right && y >= top && y <= bottom).map(([, , index]) => numbers[index]));
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
    const back = (/** @type {number} */ y) => axis.low + (axis.high - axis.low) * (1 - (y - 30) / (HEIGHT - 60));
    if (moved) ranges.set(axis.name, /** @type {[number, number]} */ ([back(drag.y), back(drag.to[1])].sort((one, other) => one - other)));
    else ranges.delete(axis.name);
    chooseInRanges();
  }

  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!order.length) order = [...places].sort((one, other) => one[0] - other[0] || other[1] - one[1]).map((place) => place[2]);
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
