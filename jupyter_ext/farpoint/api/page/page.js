// What every part of the page uses, and the theme. The parts share one scope: report.py writes them one after the other.
// Text of users goes through textContent and setAttribute only; nothing is loaded from anywhere.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function make(name, text = null, attributes = {}) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// A table of texts; the first cell of each line is its heading.
function tableOf(heads, lines) {
  const table = make("table");
  const head = make("tr");
  head.append(...heads.map((text) => make("th", text, { scope: "col" })));
  table.append(make("thead"), make("tbody"));
  table.tHead.append(head);
  for (const [first, ...rest] of lines) {
    const line = make("tr");
    line.append(make("th", first, { scope: "row" }), ...rest.map((text) => make("td", text)));
    table.tBodies[0].append(line);
  }
  return table;
}

// A button that shows what a graphic shows as a table, made when it is asked for.
function twinOf(place, lines) {
  const button = $(".as-table", place);
  const twin = $(".twin", place);
  const fill = () => { if (!twin.hidden) twin.replaceChildren(lines()); };
  button.addEventListener("click", () => {
    twin.hidden = !twin.hidden;
    button.setAttribute("aria-expanded", String(!twin.hidden));
    fill();
  });
  return fill;
}

// One of many things takes the Tab key, and arrow keys move on from it: `next(number, key)` is the point they lead to.
function roam(place, next, chosen) {
  place.addEventListener("keydown", (event) => {
    const from = event.target.closest("[data-point]");
    if (!from || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = next(Number(from.dataset.point), event.key);
    if (to === undefined) return;
    event.preventDefault();
    if (to !== null) chosen(to);
  });
}

// ---- theme
$(".theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
