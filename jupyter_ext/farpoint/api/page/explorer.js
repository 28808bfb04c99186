
// ---- explorer: the sliders, the frame and the values of the point they meet at, the contact sheet
const data = JSON.parse($("#data") ? $("#data").textContent : "null");
const points = data ? data.points : [];
const placeOf = new Map(points.map((point, place) => [point.number, place]));
const byPlace = new Map(points.map((point) => [point.at.join(), point]));
const tiles = new Map($$(".tile").map((tile) => [Number(tile.dataset.point), tile]));
const rows = new Map($$(".table tbody tr").map((row) => [Number(row.dataset.point), row]));
const heads = $$(".table thead th").map((head) => head.textContent);
const sliders = $$(".axis input");
const watching = []; // what is to be drawn anew when another point is shown
let at = sliders.map(() => 0);
let here = null; // the point shown; null where the sliders stand on a hole

const imageOf = (point) => point && tiles.has(point.number) ? $("img", tiles.get(point.number)) : null;
const titleOf = (point) => `point ${point.number}${point.name ? ` · ${point.name}` : ""}`;

function show(point) {
  here = point;
  sliders.forEach((slider, axis) => {
    const text = data.axes[axis].labels[at[axis]];
    slider.value = at[axis];
    slider.setAttribute("aria-valuetext", text);
    $("output", slider.parentElement).textContent = text;
  });
  $("#where").textContent = point ? `${titleOf(point)} · ${point.word}` : "No point was scanned here.";
  fillStage(point);
  fillValues(point);
  watching.forEach((draw) => draw());
}

function go(number) {
  const point = points[placeOf.get(number)];
  if (!point) return;
  at = [...point.at];
  show(point);
}

function slide(axis) {
  at[axis] = Number(sliders[axis].value);
  if (data.walk === "order") go(nearest(axis).number);
  else show(byPlace.get(at.join()) || null);
}

// The point that has this axis where the slider stands, or any point (axis = -1), nearest in the rest.
// Distances are steps of the sliders, each as long as its axis is short; the order of the points does not count.
function nearest(axis) {
  const first = data.walk === "order" ? 1 : 0;
  let best = null, least = Infinity;
  for (const point of points) {
    if (axis >= 0 && point.at[axis] !== at[axis]) continue;
    let far = 0;
    for (let k = first; k < at.length; k++) far += ((point.at[k] - at[k]) / (data.axes[k].labels.length - 1)) ** 2;
    if (far < least) [best, least] = [point, far];
  }
  return best;
}

function fillStage(point) {
  const stage = $(".stage");
  stage.hidden = false;
  const image = imageOf(point);
  if (image) {
    const frame = make("img", null, { src: image.src, alt: `figure of ${titleOf(point)}` });
    const button = make("button", null, { type: "button", class: "frame", "aria-label": `enlarge the figure of ${titleOf(point)}` });
    button.append(frame);
    button.addEventListener("click", () => enlarge(point.number));
    const focused = stage.contains(document.activeElement);
    stage.replaceChildren(button);
    if (focused) button.focus();
    return;
  }
  stage.hidden = Boolean(point && !tiles.size && point.state === "COMPLETED");
  const told = make("div", null, { class: "told" });
  if (!point) {
    const button = make("button", "go to the nearest point", { type: "button" });
    button.addEventListener("click", () => { go(nearest(-1).number); sliders[0].focus(); });
    told.append(make("p", "No point was scanned here."), button);
  } else {
    told.append(make("p", point.word, { class: `word state-${point.state}` }));
    if (point.error) told.append(make("p", point.error, { class: "error" }));
    if (point.trace) told.append(make("pre", point.trace, { tabindex: 0, "aria-label": "traceback" }));
    if (point.left) told.append(make("p", "Its frame was left out of this page; see above."));
    else if (point.state === "COMPLETED") told.append(make("p", "It drew no figure."));
  }
  stage.replaceChildren(told);
}

function fillValues(point) {
  const list = $("#values");
  list.replaceChildren();
  const row = point && rows.get(point.number);
  (row ? [...row.cells] : []).forEach((cell, column) => {
    if (!cell.textContent || column === 0) return;
    const pair = make("div");
    const text = make("dd", cell.textContent, { class: cell.className });
    pair.append(make("dt", heads[column]), text);
    list.append(pair);
  });
}

// ---- contact sheet
function sheetStep(number, key) {
  const order = points.map((point) => point.number);
  const place = placeOf.get(number);
  const grid = $(".sheet.grid");
  if (key === "Home") return order[0];
  if (key === "End") return order[order.length - 1];
  if (grid) return gridStep(points[place].at, data.across, data.up, key);
  const tops = order.map((each) => tiles.get(each).offsetTop);
  const wide = Math.max(1, tops.filter((top) => top === tops[0]).length);
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[key];
  return by === undefined ? undefined : order[place + by] ?? null;
}

// From one place of a grid to the next point in a direction; null where there is none, undefined for other keys.
function gridStep(from, across, up, key) {
  const [axis, by] = { ArrowLeft: [across, -1], ArrowRight: [across, 1], ArrowUp: [up, 1], ArrowDown: [up, -1] }[key] || [];
  if (by === undefined) return undefined;
  if (axis === null) return null;
  const to = [...from];
  for (to[axis] += by; to[axis] >= 0 && to[axis] < data.axes[axis].labels.length; to[axis] += by) {
    const point = byPlace.get(to.join());
    if (point) return point.number;
  }
  return null;
}

function startSheet() {
  const place = $(".pictures");
  if (!place) return;
  tiles.forEach((tile, number) => tile.addEventListener("click", () => {
    go(number);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    $("#explore").scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
  }));
  roam($(".sheet", place), sheetStep, (number) => { go(number); tiles.get(number).focus({ preventScroll: false }); });
  let marked = null;
  watching.push(() => {
    if (marked) { marked.tabIndex = -1; marked.removeAttribute("aria-current"); }
    marked = tiles.get(here ? here.number : points[0].number);
    marked.tabIndex = 0;
    if (here) marked.setAttribute("aria-current", "true");
  });
  twinOf(place, () => tableOf(["point", "parameters", "state", "frame"], points.map((point) =>
    [point.number, point.name, point.word, imageOf(point) ? "shown" : point.left ? "left out" : "none"])));
}

// ---- light box
const box = $("dialog");
const framed = points.filter(imageOf).map((point) => point.number);
let open = null;

function enlarge(number) {
  const point = points[placeOf.get(number)];
  open = number;
  $("img", box).src = imageOf(point).src;
  $("img", box).alt = `figure of ${titleOf(point)}`;
  $("p", box).textContent = titleOf(point);
  if (!box.open) box.showModal();
}

function step(by) {
  go(framed[(framed.indexOf(open) + by + framed.length) % framed.length]);
  enlarge(here.number);
}

$(".back", box).addEventListener("click", () => step(-1));
$(".next", box).addEventListener("click", () => step(1));
box.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
