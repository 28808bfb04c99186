// @ts-check
// Defining a scan: a line for each parameter, where to run it, and what that would do before anything is sent.
import { choice, labelled, make, settled } from "./dom.js";

/** @type {Array<[string, string]>} */
const HOW = [
  ["", "as it is"], ["fixed", "one value"], ["values", "a list"], ["range", "from … to, in steps"],
  ["log", "logarithmic"], ["sample", "sampled"],
];
const NEEDS = { cpus: "cores", memory: "memory", time: "time limit", gpus: "GPUs", queue: "queue" };
const HINTS = { cpus: "1", memory: "4 GB", time: "30 min", gpus: "0", queue: "chosen for you" };

/**
 * @param {any} model
 * @param {(ask: string, given?: any) => Promise<any>} ask
 */
export function formView(model, ask) {
  const root = make("div", { class: "fpw-form" });
  const told = make("div", { class: "fpw-preview", role: "status", "aria-live": "polite" });
  const submit = make("button", { type: "button", class: "fpw-main", disabled: true }, "Submit");
  const samples = make("input", {
    type: "number", min: 1, value: model.get("samples"), class: "fpw-short",
    onchange: () => { model.set("samples", Number(samples.value) || 1); changed(); },
  });
  let asked = 0;

  const look = settled(async () => {
    const turn = (asked += 1);
    try {
      const { answer } = await ask("preview");
      if (turn === asked) showPreview(answer);
    } catch (fault) {
      if (turn === asked) showFault(/** @type {Error} */ (fault).message);
    }
  }, 350);

  function changed() {
    submit.disabled = true;
    model.save_changes();
    look();
  }

  function axes() {
    return new Map(model.get("axes").map((/** @type {any} */ axis) => [axis.name, axis]));
  }

  /** @param {string} name @param {any} change */
  function setAxis(name, change) {
    const known = axes();
    const order = model.get("task").fields.map((/** @type {any} */ field) => field.name);
    if (change) known.set(name, { name, group: "", ...known.get(name), ...change });
    else known.delete(name);
    model.set("axes", order.filter((/** @type {string} */ each) => known.has(each)).map((/** @type {string} */ each) => known.get(each)));
    changed();
  }

  /** @param {any} field */
  function line(field) {
    const axis = axes().get(field.name) || { how: "" };
    const inputs = make("span", { class: "fpw-inputs" });
    const text = (/** @type {string} */ key, /** @type {string} */ words, /** @type {string} */ hint) => {
      const input = make("input", {
        type: "text", value: axis[key] ?? "", placeholder: hint, spellcheck: "false", class: key === "count" ? "fpw-short" : "",
        "aria-label": `${field.name}: ${words}`, oninput: () => setAxis(field.name, { [key]: input.value }),
      });
      return input;
    };
    const group = choice([["", "none"], ["A", "group A"], ["B", "group B"]], axis.group || "", (value) => setAxis(field.name, { group: value }));
    group.setAttribute("aria-label", `${field.name}: coupled with others, or a product with them`);
    const fill = (/** @type {string} */ how) => {
      const start = field.plain ? field.default : "";
      if (how === "fixed") inputs.replaceChildren(text("text", "value", start));
      else if (how === "values") inputs.replaceChildren(text("text", "values, with commas between", "1, 2, 3"));
      else if (how === "range" || how === "log") inputs.replaceChildren(text("low", "from", "from"), "to", text("high", "to", "to"), "in", text("count", "number of values", "count"), "values");
      else if (how === "sample") inputs.replaceChildren(text("low", "lowest", "from"), "to", text("high", "highest", "to"));
      else inputs.replaceChildren();
      group.hidden = !["values", "range", "log"].includes(how);
      samples.closest(".fpw-samples").hidden = ![...axes().values()].some((/** @type {any} */ each) => each.how === "sample");
    };
    const ways = choice(field.needed ? HOW.slice(1) : HOW, axis.how, (how) => {
      const begin = how === "fixed" || how === "values" ? { text: axis.text ?? (field.plain ? field.default : "") } : {};
      setAxis(field.name, how ? { how, ...begin } : null);
      Object.assign(axis, { how, ...begin });
      fill(how);
    });
    ways.setAttribute("aria-label", `${field.name}: how it varies`);
    queueMicrotask(() => fill(axis.how));
    return make("tr", {},
      make("th", { scope: "row" }, field.name),
      make("td", { class: "fpw-type" }, field.type || "any"),
      make("td", { class: "fpw-default", title: field.default }, field.needed ? "needed" : field.default),
      make("td", {}, ways), make("td", {}, inputs), make("td", {}, group));
  }

  /** @param {string} name */
  function resource(name) {
    const input = make("input", {
      type: "text", class: "fpw-short", placeholder: HINTS[/** @type {"cpus"} */ (name)], value: model.get("resources")[name] ?? "",
      oninput: () => { model.set("resources", { ...model.get("resources"), [name]: input.value }); changed(); },
    });
    return labelled(NEEDS[/** @type {"cpus"} */ (name)], input);
  }

  /** @param {any} plan */
  function showPreview(plan) {
    const rest = plan.points - plan.starts;
    const facts = [
      [plan.points, plan.points === 1 ? "point" : "points"], [plan.jobs, plan.jobs === 1 ? "job" : "jobs"],
      ...(plan.core_hours === null ? [] : [[plan.core_hours.toPrecision(2), "core-hours, about"]]),
    ];
    const lines = plan.text.split("\n").slice(1).map((/** @type {string} */ each) => make("li", {}, each.trim()));
    told.classList.remove("fpw-bad");
    told.replaceChildren(
      make("div", { class: "fpw-facts" }, facts.map(([count, words]) => make("span", {}, make("b", {}, count), ` ${words}`)),
        make("span", {}, "on ", make("b", {}, plan.machine))),
      make("ul", {}, lines),
      plan.script ? make("details", {}, make("summary", {}, "the exact script"), make("pre", { tabindex: "0" }, plan.script)) : null);
    submit.textContent = rest && !plan.starts ? "Attach: all is there already" : `Submit ${plan.starts} ${plan.starts === 1 ? "point" : "points"}`;
    submit.disabled = plan.points === 0;
  }

  /** @param {string} message */
  function showFault(message) {
    const empty = model.get("axes").find((/** @type {any} */ axis) => (axis.how === "range" || axis.how === "log" ? !(axis.low && axis.high && axis.count) : axis.how === "sample" ? !(axis.low && axis.high) : !String(axis.text ?? "").trim()));
    told.classList.toggle("fpw-bad", !empty);
    if (empty) message = `Give ${empty.name} its values: 1, 2, 3 or, with “from … to”, two ends and a number.`;
    told.replaceChildren(make("p", {}, message));
    submit.textContent = "Submit";
    submit.disabled = true;
  }

  submit.addEventListener("click", async () => {
    submit.disabled = true;
    submit.textContent = "Submitting …";
    try {
      await ask("submit");
    } catch (fault) {
      showFault(/** @type {Error} */ (fault).message);
    }
  });

  const fields = model.get("task").fields || [];
  const profiles = /** @type {string[]} */ (model.get("profiles"));
  const said = profiles.length || !model.get("machine") ? [["", "as the profile says"]] : [];
  const machine = choice([...said, ...model.get("machines")], model.get("machine"), (value) => { model.set("machine", value); changed(); });
  const profile = choice([["", "the one that fits"], ...profiles], model.get("profile"), (value) => { model.set("profile", value); changed(); });
  root.append(
    make("div", { class: "fpw-scroll" },
      make("table", { class: "fpw-axes" },
        make("caption", { class: "fpw-hidden" }, "Parameters and how each varies"),
        make("thead", {}, make("tr", {}, ["parameter", "type", "default", "varies", "values", "together with"].map((head) => make("th", { scope: "col" }, head)))),
        make("tbody", {}, fields.map(line)))),
    make("div", { class: "fpw-samples", hidden: true }, labelled("sampled points", samples)),
    make("div", { class: "fpw-where" }, profiles.length ? labelled("profile", profile) : null, labelled("machine", machine), Object.keys(NEEDS).map(resource)),
    told, make("div", { class: "fpw-actions" }, submit));
  look();
  return { root, update: () => {} };
}
