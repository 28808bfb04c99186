// @ts-check
// The scan's table: sorted, filtered and paged by the kernel, so that 100,000 points cost what fifty do. Until the kernel
// has read them all it shows the lines in question alone.
import { choice, make, patiently } from "./dom.js";
import { stateWords } from "./states.js";

const LINES = 50;

/** @param {any} context */
export function tableView(context) {
  const { model, ask } = context;
  const asked = { sort: "", down: false, words: "", states: /** @type {number[]} */ ([]), offset: 0, limit: LINES };
  let all = false;
  let reading = false;
  const head = make("thead");
  const body = make("tbody");
  const count = make("span", { role: "status", class: "fpw-count" });
  const filter = make("input", {
    type: "search", placeholder: "filter: words all in the line", "aria-label": "filter the table",
    oninput: () => { asked.words = filter.value; asked.offset = 0; load(); },
  });
  const states = choice([["", "every state"], ...model.get("words").map((/** @type {string} */ word, /** @type {number} */ index) => [String(index), word])], "", (value) => {
    asked.states = value === "" ? [] : [Number(value)];
    asked.offset = 0;
    load();
  });
  states.setAttribute("aria-label", "show points of one state");
  const constant = make("input", { type: "checkbox", id: `fpw-const-${Math.random().toString(36).slice(2)}`, onchange: () => { all = constant.checked; load(); } });
  const back = make("button", { type: "button", onclick: () => page(-1) }, "← earlier");
  const next = make("button", { type: "button", onclick: () => page(1) }, "later →");
  const pick = make("button", { type: "button", onclick: pickAll }, "Select all of these");
  const clear = make("button", { type: "button", onclick: () => context.select([]) }, "Clear selection");
  const root = make("div", { class: "fpw-table" },
    make("div", { class: "fpw-tools" }, filter, states, make("label", { for: constant.id }, constant, " constant columns"), count),
    make("div", { class: "fpw-scroll", tabindex: "0", role: "region", "aria-label": "points" },
      make("table", {}, make("caption", { class: "fpw-hidden" }, "Points of the scan"), head, body)),
    make("div", { class: "fpw-actions" }, back, next, pick, clear));

  async function pickAll() {
    try {
      context.select((await ask("page", { ...asked, limit: 0, whole: true })).answer.numbers);
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    }
  }

  /** @param {number} by */
  function page(by) {
    asked.offset = Math.max(0, asked.offset + by * LINES);
    load();
  }

  /** @param {string} name */
  function sortBy(name) {
    asked.down = asked.sort === name ? !asked.down : false;
    asked.sort = name;
    asked.offset = 0;
    load();
  }

  let turn = 0;
  let going = 0;
  let again = false;

  /** What somebody wants to see is asked for at once, and overtakes what was asked for before. */
  async function load() {
    const mine = (turn += 1);
    const { states: only, offset, limit } = asked;
    const inOrder = !asked.sort && !asked.words.trim();
    going += 1;
    try {
      const { answer } = await patiently(inOrder ? ask("glance", { states: only, offset, limit }) : ask("page", asked), (words) => { count.textContent = words; });
      await context.released();
      if (mine !== turn) return;
      show(answer);
      if (answer.early) readAll();
      else context.columns = answer.columns;
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    } finally {
      going -= 1;
      if (!going && again) { again = false; load(); }
    }
  }

  /** What changed by itself is looked at when nothing else is on its way, and then for certain. */
  function update() {
    if (going) again = true;
    else load();
  }

  async function readAll() {
    if (reading) return;
    reading = true;
    try {
      await ask("ready");
      update();
    } catch (fault) {
      context.complain(/** @type {Error} */ (fault).message);
    } finally {
      reading = false;
    }
  }

  /** @param {any} found */
  function show(found) {
    const kept = found.columns.map((/** @type {any} */ column, /** @type {number} */ index) => ({ ...column, index }))
      .filter((/** @type {any} */ column) => all || column.role !== "parameter" || !column.constant);
    head.replaceChildren(make("tr", {},
      make("th", { scope: "col" }, make("span", { class: "fpw-hidden" }, "selected")),
      make("th", { scope: "col" }, "point"),
      kept.map((/** @type {any} */ column) => make("th", {
        scope: "col", class: `fpw-${column.role}${column.numeric ? " fpw-n" : ""}`, "aria-sort": asked.sort === column.name ? (asked.down ? "descending" : "ascending") : "none",
      }, make("button", { type: "button", onclick: () => sortBy(column.name) }, column.name, asked.sort === column.name ? (asked.down ? " ▾" : " ▴") : "")))));
    const chosen = new Set(model.get("selection"));
    body.replaceChildren(...found.lines.map((/** @type {any} */ line) => make("tr", { class: chosen.has(line.number) ? "fpw-chosen" : "" },
      make("td", {}, make("input", { type: "checkbox", checked: chosen.has(line.number), "aria-label": `select point ${line.number}`, onchange: () => context.toggle(line.number) })),
      make("td", {}, make("button", { type: "button", class: "fpw-link", onclick: () => context.go(line.number) }, line.number)),
      kept.map((/** @type {any} */ column) => column.name === "run_state"
        ? make("td", {}, stateWords(model, line.state, line.cells[column.index]))
        : make("td", { class: column.numeric ? "fpw-n" : "" }, line.cells[column.index])))));
    const last = Math.min(found.offset + found.lines.length, found.total);
    count.textContent = found.total ? `${found.offset + 1}–${last} of ${found.total.toLocaleString()}${found.early ? " · reading the others …" : ""}` : "no point fits";
    back.disabled = found.offset === 0;
    next.disabled = last >= found.total;
  }
  return { root, update };
}
