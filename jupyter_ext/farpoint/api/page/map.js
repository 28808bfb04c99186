
// ---- map: any column over the axes. A grid of cells for two axes, a line for one, dots where points make no grid.
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 480, TALL = 300, TOP = 10, FOOT = 42;
// Anchors of a perceptually even scale that also reads in grey, and ten colours that the colour-blind tell apart.
const SCALE = ["440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"];
const HUES = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#997755", "#ee8866", "#77aadd", "#999933"];
const map = { column: 0, across: null, up: null, slice: null, marks: new Map(), ring: [] };

function shape(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

const round = (number) => Math.round(number * 10) / 10;
const told = (value) => value === null ? "no value" : typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
const brief = (text) => text.length > 10 ? `${text.slice(0, 9)}…` : text;
const briefNumber = (number) => String(Number(number.toPrecision(3)));

function shade(number, low, high) {
  const place = (high > low ? Math.min(Math.max((number - low) / (high - low), 0), 1) : 0.5) * (SCALE.length - 1);
  const before = Math.min(Math.floor(place), SCALE.length - 2);
  const part = (color, k) => parseInt(color.slice(k, k + 2), 16);
  const mixed = [0, 2, 4].map((k) => Math.round(
    part(SCALE[before], k) + (part(SCALE[before + 1], k) - part(SCALE[before], k)) * (place - before)));
  return `rgb(${mixed.join()})`;
}

// Round numbers between two values.
function ticks(low, high, about = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k <= high / step + 1e-9; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

// How the values of a column are coloured: { of(value), scale: [low, high] or null, words: [[word, colour]] }.
function colours(column) {
  const values = column.values.filter((value) => value !== null);
  if (column.kind === "number") {
    const low = values.reduce((one, other) => Math.min(one, other), Infinity);
    const high = values.reduce((one, other) => Math.max(one, other), -Infinity);
    return { of: (value) => shade(value, low, high), scale: [low, high], words: [] };
  }
  const often = new Map();
  values.forEach((value) => often.set(value, (often.get(value) || 0) + 1));
  const words = [...often.keys()].sort((one, other) => often.get(other) - often.get(one));
  const known = new Map(words.slice(0, HUES.length).map((word, k) =>
    [word, column.kind === "state" ? `var(--state-${word.toLowerCase()})` : HUES[k]]));
  const rest = words.length > HUES.length ? [[`${words.length - HUES.length} others`, "#888"]] : [];
  return { of: (value) => known.get(value) || "#888", scale: null, words: [...known, ...rest] };
}

// Which of the three drawings the chosen column and axes make.
function drawingKind() {
  const number = data.columns[map.column].kind === "number";
  if (data.walk === "order") return map.up === null && !number ? "cells" : "dots";
  return data.axes.length === 1 && number ? "line" : "cells";
}

const onSlice = (point) => data.walk === "order" || point.at.every((place, axis) =>
  axis === map.across || axis === map.up || place === at[axis]);

function drawMap() {
  const column = data.columns[map.column];
  const paint = colours(column);
  const kind = drawingKind();
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "group", "aria-label": `map of ${column.name}` });
  map.marks.clear();
  map.kind = kind;
  map.slice = points.filter(onSlice);
  (kind === "cells" ? drawCells : drawDots)(svg, column, paint, kind);
  map.ring = [shape("rect", { class: "ring back" }), shape("rect", { class: "ring" })];
  svg.append(...map.ring);
  const focused = $(".drawing").contains(document.activeElement);
  $(".drawing").replaceChildren(svg);
  if (focused && here && map.marks.has(here.number)) map.marks.get(here.number).focus();
  const legend = kind === "cells" || paint.words.length ? paint.words : [];
  $(".map .legend").replaceChildren(...legend.map(([word, colour]) => {
    const item = make("li", word);
    const swatch = make("i");
    swatch.style.background = colour;
    item.prepend(swatch);
    return item;
  }));
}

function mark(svg, point, column, shapes) {
  const group = shape("g", { class: "mark", role: "button", tabindex: -1, "data-point": point.number });
  const value = column.values[placeOf.get(point.number)];
  group.append(shape("title", {}, `point ${point.number}${point.name ? `, ${point.name}` : ""}: ${column.name} = ${told(value)}`), ...shapes);
  group.addEventListener("click", () => { go(point.number); map.marks.get(point.number).focus({ preventScroll: true }); });
  map.marks.set(point.number, group);
  svg.append(group);
}

// What stands in the place of a value that is not there.
const sign = (point) => ({ FAILED: "×", LOST: "×", CANCELLED: "–", COMPLETED: "" })[point.state] ?? "…";

function drawCells(svg, column, paint) {
  const across = axisAt(map.across), up = axisAt(map.up);
  const left = sideRoom(up.labels.map(brief)), right = paint.scale ? WIDE - 66 : WIDE - 8;
  const wide = (right - left) / across.labels.length, tall = (TALL - TOP - FOOT) / up.labels.length;
  svg.append(shape("rect", { x: left, y: TOP, width: right - left, height: TALL - TOP - FOOT, class: "ground" }));
  map.slice.forEach((point) => {
    const value = column.values[placeOf.get(point.number)];
    const x = left + placeOn(point, map.across) * wide, y = TALL - FOOT - (placeOn(point, map.up) + 1) * tall;
    const gap = Math.min(wide, tall) > 8 ? 1 : 0;
    const box = { x: round(x + gap / 2), y: round(y + gap / 2), width: round(wide - gap), height: round(tall - gap), rx: gap };
    const cell = shape("rect", { ...box, class: value === null ? "none" : "cell" });
    if (value !== null) cell.style.fill = paint.of(value);
    const word = value === null && Math.min(wide, tall) > 9
      ? [shape("text", { x: round(x + wide / 2), y: round(y + tall / 2 + 4), "text-anchor": "middle", class: "sign" }, sign(point))] : [];
    mark(svg, point, column, [cell, ...word]);
  });
  labelAcross(svg, across.labels.map((label, k) => [left + (k + 0.5) * wide, brief(label)]), across.name, left, right);
  labelUp(svg, up.labels.map((label, k) => [TALL - FOOT - (k + 0.5) * tall, brief(label)]), up.name, left);
  if (paint.scale) colourBar(svg, paint.scale);
}

function drawDots(svg, column, paint, kind) {
  const values = (point) => column.values[placeOf.get(point.number)];
  const across = axisAt(map.across), byValue = map.up === null;
  const spread = byValue ? spreadOf(map.slice.map(values).filter((value) => value !== null), 0.06) : axisSpread(axisAt(map.up));
  const upLabels = spread.labels, left = sideRoom(upLabels.map(([, text]) => text));
  const right = byValue || !paint.scale ? WIDE - 14 : WIDE - 66;
  const flat = axisSpread(across), room = right - left - 20;
  const x = (point) => left + 10 + flat.at(point.at[map.across]) * room;
  const y = (point) => TALL - FOOT - spread.at(byValue ? values(point) : point.at[map.up]) * (TALL - TOP - FOOT);
  const heightOf = (part) => TALL - FOOT - part * (TALL - TOP - FOOT);
  svg.append(...upLabels.map(([part]) => shape("line", { x1: left, x2: right, y1: round(heightOf(part)), y2: round(heightOf(part)), class: "rule" })));
  const shown = map.slice.filter((point) => !byValue || values(point) !== null);
  if (kind === "line" && across.numbers) {
    const path = [...shown].sort((one, other) => one.at[map.across] - other.at[map.across]).map((point) => `${round(x(point))},${round(y(point))}`);
    svg.append(shape("polyline", { points: path.join(" "), class: "curve" }));
  }
  shown.forEach((point) => {
    const dot = shape("circle", { cx: round(x(point)), cy: round(y(point)), r: shown.length > 400 ? 3 : 4.5, class: "dot" });
    const value = values(point);
    if (!byValue) { if (value === null) dot.setAttribute("class", "none"); else dot.style.fill = paint.of(value); }
    mark(svg, point, column, [shape("circle", { cx: dot.getAttribute("cx"), cy: dot.getAttribute("cy"), r: 8, class: "reach" }), dot]);
  });
  labelAcross(svg, flat.labels.map(([part, text]) => [left + 10 + part * room, text]), across.name, left, right);
  labelUp(svg, upLabels.map(([part, text]) => [heightOf(part), text]), byValue ? column.name : axisAt(map.up).name, left);
  if (!byValue && paint.scale) colourBar(svg, paint.scale);
}

const axisAt = (axis) => axis === null ? { name: "", labels: [""], numbers: null } : data.axes[axis];
const placeOn = (point, axis) => axis === null ? 0 : point.at[axis];

// Numbers on a stretch from 0 to 1, with its round numbers.
function spreadOf(numbers, margin) {
  let low = Math.min(...numbers), high = Math.max(...numbers);
  if (!numbers.length) [low, high] = [0, 1];
  const edge = (high - low) * margin || (high === low ? Math.abs(high) * 0.1 || 1 : 0);
  [low, high] = [low - edge, high + edge];
  const part = (number) => (number - low) / (high - low);
  return { at: part, labels: ticks(low, high).map((number) => [part(number), briefNumber(number)]) };
}

function axisSpread(axis) {
  if (axis.numbers) {
    const spread = spreadOf(axis.numbers, 0.02);
    return { at: (place) => spread.at(axis.numbers[place]), labels: spread.labels };
  }
  const last = Math.max(axis.labels.length - 1, 1);
  return { at: (place) => place / last, labels: axis.labels.map((label, k) => [k / last, brief(label)]) };
}

const sideRoom = (texts) => 24 + Math.max(14, ...texts.map((text) => text.length * 6.4));

function labelAcross(svg, labels, name, left, right) {
  spaced(labels, (text) => text.length * 6.4 + 10).forEach(([x, text]) =>
    svg.append(shape("text", { x: round(x), y: TALL - FOOT + 15, "text-anchor": "middle" }, text)));
  svg.append(shape("text", { x: (left + right) / 2, y: TALL - 6, "text-anchor": "middle", class: "name" }, name));
}

function labelUp(svg, labels, name, left) {
  spaced(labels, () => 15).forEach(([y, text]) => svg.append(shape("text", { x: left - 6, y: round(y + 4), "text-anchor": "end" }, text)));
  const turned = `translate(12 ${(TOP + TALL - FOOT) / 2}) rotate(-90)`;
  svg.append(shape("text", { transform: turned, "text-anchor": "middle", class: "name" }, name));
}

// Every n-th label, so that none touches the next.
function spaced(labels, room) {
  if (labels.length < 2) return labels;
  const apart = Math.abs(labels[1][0] - labels[0][0]) || 1;
  const every = Math.max(1, Math.ceil(Math.max(...labels.map(([, text]) => room(text))) / apart));
  return labels.filter((_, k) => k % every === 0);
}

function colourBar(svg, [low, high]) {
  const gradient = shape("linearGradient", { id: "scale", x1: 0, y1: 1, x2: 0, y2: 0 });
  SCALE.forEach((colour, k) => gradient.append(shape("stop", { offset: k / (SCALE.length - 1), "stop-color": `#${colour}` })));
  const x = WIDE - 54;
  svg.append(gradient, shape("rect", { x, y: TOP, width: 10, height: TALL - TOP - FOOT, rx: 2, fill: "url(#scale)" }),
    shape("text", { x: x + 15, y: TALL - FOOT }, briefNumber(low)));
  if (high > low) svg.append(shape("text", { x: x + 15, y: TOP + 9 }, briefNumber(high)));
}

// Read from what was drawn and not measured: a page in a frame that is not seen yet has no measures.
function boxOf(drawn) {
  const [x, y, wide, tall, r] = ["x", "y", "width", "height", "r"].map((name) => Number(drawn.getAttribute(name)));
  if (drawn.tagName !== "circle") return { x, y, width: wide, height: tall };
  const [cx, cy] = ["cx", "cy"].map((name) => Number(drawn.getAttribute(name)));
  return { x: cx - r, y: cy - r, width: 2 * r, height: 2 * r };
}

// The ring is drawn around the point shown; the cell below it is the one that takes the Tab key.
function markMap() {
  map.marks.forEach((group) => { group.setAttribute("tabindex", -1); group.removeAttribute("aria-current"); });
  const group = (here && map.marks.get(here.number)) || map.marks.values().next().value;
  if (group) group.setAttribute("tabindex", 0);
  const around = here && map.marks.get(here.number);
  map.ring.forEach((ring) => { ring.style.display = around ? "" : "none"; });
  if (!around) return;
  around.setAttribute("aria-current", "true");
  const seen = boxOf($(".cell, .none, .dot", around));
  const by = map.kind === "cells" ? 1 : 3;
  const place = { x: seen.x - by, y: seen.y - by, width: seen.width + 2 * by, height: seen.height + 2 * by, rx: map.kind === "cells" ? 3 : 9 };
  for (const [key, value] of Object.entries(place)) map.ring.forEach((ring) => ring.setAttribute(key, round(value)));
}

function mapStep(number, key) {
  const from = points[placeOf.get(number)];
  if (map.kind === "cells" && data.walk === "grid") return gridStep(from.at, map.across, map.up, key);
  const back = key === "ArrowLeft" || key === "ArrowDown";
  if (!back && key !== "ArrowRight" && key !== "ArrowUp") return undefined;
  const axis = (key === "ArrowUp" || key === "ArrowDown") && map.up !== null ? map.up : map.across;
  const order = points.filter((point) => map.marks.has(point.number)).sort((one, other) => placeOn(one, axis) - placeOn(other, axis) || one.number - other.number);
  const to = order[order.indexOf(from) + (back ? -1 : 1)];
  return to ? to.number : null;
}

// What the map shows, as a table: up the lines and across the columns, or one line a point.
function mapLines() {
  const column = data.columns[map.column];
  const value = (point) => point ? told(column.values[placeOf.get(point.number)]) : "";
  if (map.kind !== "cells" || data.walk === "order" || map.up === null)
    return tableOf(["point", "parameters", column.name], map.slice.map((point) => [point.number, point.name, value(point)]));
  const across = data.axes[map.across], up = data.axes[map.up];
  const lines = up.labels.map((label, line) => [label, ...across.labels.map((_, place) => {
    const there = [...at];
    [there[map.up], there[map.across]] = [line, place];
    return value(byPlace.get(there.join()));
  })]);
  return tableOf([`${column.name}: ${up.name} ↓ ${across.name} →`, ...across.labels], lines.reverse());
}

function startMap() {
  const refill = twinOf($(".map"), mapLines);
  [map.across, map.up] = [data.across, data.up];
  if (data.walk === "order" && map.across === null) map.across = 0;
  const choose = (name, then) => {
    const select = $(`.map select.${name}`);
    if (select) select.addEventListener("change", () => { then(Number(select.value)); drawMap(); markMap(); refill(); });
  };
  choose("column", (column) => { map.column = column; });
  const other = { across: "up", up: "across" };
  Object.keys(other).forEach((side) => choose(side, (axis) => {
    if (map[other[side]] === axis) {
      map[other[side]] = map[side];
      $(`.map select.${other[side]}`).value = map[side];
    }
    map[side] = axis;
  }));
  roam($(".drawing"), mapStep, (number) => { go(number); map.marks.get(number).focus({ preventScroll: true }); });
  let drawn = null;
  watching.push(() => {
    const slice = data.walk === "grid" ? at.filter((_, axis) => axis !== map.across && axis !== map.up).join() : "";
    if (slice !== drawn) { drawn = slice; drawMap(); refill(); }
    markMap();
  });
}
