// @ts-check
// Elements made from plain data. Text is only ever text: nothing here, nor in any module, parses HTML.

/**
 * One element. Children that are strings or numbers become text nodes; null and false are left out.
 * @param {string} tag
 * @param {Record<string, any>} [given] attributes; `class`, `onclick`-like listeners, and `value`/`checked`/`disabled`
 * @param {...any} children
 * @returns {any}
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

let lastLabel = 0;

/**
 * A labelled control: the label's text before it, bound by id.
 * @param {string} words
 * @param {HTMLElement} control
 */
export function labelled(words, control) {
  if (!control.id) control.id = `farpoint-${Date.now().toString(36)}-${(lastLabel += 1)}`;
  return make("label", { class: "fpw-label", for: control.id }, make("span", {}, words), control);
}

/**
 * A drop-down list.
 * @param {Array<string | [string, string]>} choices value, or value and words
 * @param {string} chosen
 * @param {(value: string) => void} onchange
 */
export function choice(choices, chosen, onchange) {
  const options = choices.map((each) => {
    const [value, words] = Array.isArray(each) ? each : [each, each];
    return make("option", { value, selected: value === chosen }, words);
  });
  const made = make("select", { onchange: () => onchange(made.value) }, options);
  made.value = chosen;
  return made;
}

/**
 * Calls `call` once, so many milliseconds after the last time it was asked for.
 * @param {() => void} call
 * @param {number} milliseconds
 */
export function settled(call, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(call, milliseconds);
  };
}

/**
 * Runs `call` at once or, while it is running, once more after that: of many wishes in a row the last one is met for
 * certain, and no two are met at a time.
 * @param {() => Promise<void>} call
 */
export function latest(call) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await call();
      }
    } finally {
      running = false;
    }
  };
}

/**
 * What `call` finds; if that takes longer than one takes for an answer at once, `tell` says what it waits for.
 * @template T
 * @param {Promise<T>} call
 * @param {(words: string) => void} tell
 * @returns {Promise<T>}
 */
export async function patiently(call, tell) {
  const timer = setTimeout(() => tell("reading every point …"), 120);
  try {
    return await call;
  } finally {
    clearTimeout(timer);
  }
}

const SLICE = 12; // milliseconds of work after which the page has its turn

/**
 * Goes through `steps` to their end, or until `signal` says so, and lets the page do other things in between.
 * @param {Iterator<unknown>} steps
 * @param {AbortSignal} signal
 */
export async function inSlices(steps, signal) {
  let begun = performance.now();
  while (!signal.aborted && !steps.next().done) {
    if (performance.now() - begun < SLICE) continue;
    await new Promise((go) => setTimeout(go));
    begun = performance.now();
  }
}

/**
 * A drawing beside its twin: a real table of the same data behind a button that everybody can see and reach.
 * @param {HTMLElement} drawing
 * @param {() => Promise<HTMLElement> | HTMLElement} table
 */
export function twin(drawing, table) {
  const place = make("div", { class: "fpw-twin", hidden: true });
  const button = make("button", { type: "button", class: "fpw-quiet", "aria-expanded": "false" }, "show as a table");
  button.addEventListener("click", async () => {
    const open = place.hidden;
    if (open) place.replaceChildren(await table());
    place.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "hide the table" : "show as a table";
  });
  return make("div", { class: "fpw-drawing" }, drawing, button, place);
}

/**
 * A table of texts.
 * @param {string[]} heads
 * @param {Array<Array<string | number>>} lines
 * @param {string} caption
 */
export function plainTable(heads, lines, caption) {
  return make(
    "div", { class: "fpw-scroll", tabindex: "0", role: "region", "aria-label": caption },
    make("table", {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, lines.map((line) => make("tr", {}, line.map((cell) => make("td", {}, cell)))))));
}

/**
 * A number in a few digits.
 * @param {number} found
 */
export function digits(found) {
  if (!Number.isFinite(found)) return "";
  return Number.isInteger(found) && Math.abs(found) < 1e7 ? String(found) : String(Number(found.toPrecision(4)));
}
