// @ts-check
// The widget: a head that always tells how the scan stands, and five views of it.
import { make, settled } from "./dom.js";
import { asker, kept } from "./ask.js";
import { whenGone } from "./kernel.js";
import { onTheme } from "./theme.js";
import { formView } from "./form.js";
import { statesView } from "./states.js";
import { tableView } from "./table.js";
import { plotView } from "./plot.js";
import { exploreView } from "./explore.js";

const VIEWS = { define: "Define", progress: "Progress", table: "Table", plot: "Plot", explore: "Explore" };

/** @param {{model: any, el: HTMLElement}} given */
function render({ model, el }) {
  const over = new AbortController();
  const ask = asker(model);
  const head = make("div", { class: "fpw-head" });
  const bar = make("div", { class: "fpw-bar", role: "progressbar", "aria-label": "points that have ended", "aria-valuemin": 0, "aria-valuemax": 100 });
  const stuck = make("div", { class: "fpw-stuck", role: "status", hidden: true });
  const still = make("div", { class: "fpw-still", role: "status" });
  const complaint = make("div", { class: "fpw-complaint", role: "alert", hidden: true });
  const tabs = make("div", { class: "fpw-tabs", role: "tablist", "aria-label": "views of the scan" });
  const place = make("div", { class: "fpw-place", role: "tabpanel", tabindex: "-1" });
  // Lab takes arrow keys for headings and cells, and letters for commands: keys in here are ours.
  const root = make("section", { class: "fpw", "aria-label": "farpoint scan", "data-lm-suppress-shortcuts": "true", onkeydown: ownKeys }, head, bar, stuck, still, tabs, complaint, place);
  el.replaceChildren(root);

  const context = {
    columns: /** @type {any[]} */ ([]), // as they were last told, once every row was read
    model, ask, signal: over.signal, released: presses(root, over.signal),
    states: kept(() => model.get("states"), Uint8Array), numbers: kept(() => model.get("numbers"), Int32Array),
    select(/** @type {number[]} */ numbers) { model.set("selection", [...numbers]); model.save_changes(); update(); },
    toggle(/** @type {number} */ number) {
      const chosen = new Set(model.get("selection"));
      if (!chosen.delete(number)) chosen.add(number);
      context.select([...chosen].sort((one, other) => one - other));
    },
    look(/** @type {number} */ number) { model.set("cursor", number); model.save_changes(); },
    go(/** @type {number | undefined} */ number) {
      if (number === undefined) return;
      model.set("cursor", number);
      open("explore");
    },
    complain(/** @type {string} */ words) {
      complaint.textContent = words;
      complaint.hidden = !words;
    },
  };
  const makers = { define: () => formView(model, ask), progress: () => statesView(context), table: () => tableView(context), plot: () => plotView(context), explore: () => exploreView(context) };
  /** @type {Record<string, any>} */
  const made = {};
  let shownTabs = "";

  /** @param {string} name */
  function open(name) {
    model.set("view", name);
    update(); // what it asks is asked before the kernel is told
    model.save_changes();
  }

  function fillTabs() {
    const begun = context.numbers().length > 0;
    const shown = model.get("view");
    const names = Object.keys(VIEWS).filter((name) => (name === "define" ? (model.get("task").fields || []).length : begun));
    if (names.join() !== shownTabs) {
      shownTabs = names.join();
      tabs.replaceChildren(...names.map((name) => tabOf(name, names)));
    }
    for (const button of tabs.children) {
      button.setAttribute("aria-selected", String(button.dataset.view === shown));
      button.tabIndex = button.dataset.view === shown ? 0 : -1;
    }
  }

  /** @param {string} name @param {string[]} names */
  function tabOf(name, names) {
    return make("button", {
      type: "button", role: "tab", "data-view": name, onclick: () => open(name),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        open(names[(names.indexOf(name) + by + names.length) % names.length]);
        /** @type {any} */ (tabs.querySelector('[aria-selected="true"]')).focus();
      },
    }, VIEWS[/** @type {"define"} */ (name)]);
  }

  function fillHead() {
    const status = model.get("status");
    const counts = status.counts || {};
    const total = Object.values(counts).reduce((sum, each) => sum + each, 0);
    const words = model.get("words");
    head.replaceChildren(make("b", {}, model.get("task").name), " ", (status.headline || "").replace(`${model.get("task").name}: `, "") || "not submitted yet");
    bar.hidden = !total;
    bar.replaceChildren(...words.map((/** @type {string} */ word, /** @type {number} */ index) => counts[word] ? make("span", { style: `flex:${counts[word]};background:${model.get("colours")[index]}`, title: `${counts[word]} ${word}` }) : ""));
    const ended = ["COMPLETED", "FAILED", "CANCELLED", "LOST"].reduce((sum, word) => sum + (counts[word] || 0), 0);
    const troubles = status.troubles || [];
    stuck.hidden = !troubles.length;
    stuck.replaceChildren(...troubles.map((/** @type {string} */ line) => make("div", {}, line)));
    bar.setAttribute("aria-valuenow", String(total ? Math.floor((100 * ended) / total) : 0));
  }

  function update() {
    context.complain("");
    const name = model.get("view");
    fillTabs();
    fillHead();
    made[name] ??= makers[/** @type {"define"} */ (name)]();
    if (place.firstChild !== made[name].root) place.replaceChildren(made[name].root);
    made[name].update();
  }

  // The browser draws when it can: of many changes in a row the last one is drawn for certain.
  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(async () => {
      await context.released();
      due = false;
      if (!over.signal.aborted) update();
    });
  };
  for (const name of ["states", "numbers", "status", "view", "selection", "cursor", "task"]) model.on(`change:${name}`, soon);
  whenGone(model, () => {
    ask.end("the kernel is gone");
    still.textContent = context.numbers().length
      ? "The kernel is gone: this picture stands still. Reload the page for the page that needs no kernel."
      : "The kernel is gone. Run the cell again to have this form back.";
  }, over.signal);
  onTheme(settled(update, 50), over.signal);
  let width = root.clientWidth;
  const resized = new ResizeObserver(settled(() => { if (width !== (width = root.clientWidth)) update(); }, 150));
  resized.observe(root);
  update();
  return () => { over.abort(); resized.disconnect(); for (const name of ["states", "numbers", "status", "view", "selection", "cursor", "task"]) model.off(`change:${name}`, soon); };
}

/**
 * A function that waits while something is pressed: a button that is replaced between press and release is never clicked.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 * @returns {() => Promise<void>}
 */
function presses(root, signal) {
  let pressed = false;
  const waiting = /** @type {Array<() => void>} */ ([]);
  const release = () => setTimeout(() => { pressed = false; waiting.splice(0).forEach((go) => go()); }); // once it is clicked
  root.addEventListener("pointerdown", (event) => {
    pressed = !!(/** @type {Element} */ (event.target).closest("button, a, select, label, input[type=checkbox]"));
  });
  for (const name of ["pointerup", "pointercancel", "dragend"]) window.addEventListener(name, release, { signal });
  return () => (pressed ? new Promise((go) => waiting.push(go)) : Promise.resolve());
}

/** @param {KeyboardEvent} event */
function ownKeys(event) {
  if (!event.ctrlKey && !event.metaKey && !event.altKey && !(event.shiftKey && event.key === "Enter")) event.stopPropagation();
}

export default { render };
