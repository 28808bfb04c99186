// @ts-check
// Questions to the kernel and their answers, matched by number; a question without an answer is given up in time.

const PATIENCE = 60000; // milliseconds; a far file may have to come first

/** @typedef {(ask: string, given?: Record<string, any>) => Promise<{answer: any, buffers: DataView[]}>} Ask */

/**
 * `end` gives up all questions, and those to come, for a reason.
 * @param {any} model
 * @returns {Ask & {end: (why: string) => void}}
 */
export function asker(model) {
  const waiting = new Map();
  const own = Math.random().toString(36).slice(2); // several views of one model hear all answers
  let last = 0;
  let ended = "";
  model.on("msg:custom", (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => {
    const call = waiting.get(message && message.id);
    if (!call) return;
    waiting.delete(message.id);
    clearTimeout(call.timer);
    if (message.answer && message.answer.fault) call.reject(new Error(message.answer.fault));
    else call.resolve({ answer: message.answer, buffers: buffers || [] });
  });
  /** @type {Ask} */
  const put = (ask, given = {}) =>
    new Promise((resolve, reject) => {
      if (ended) throw new Error(ended);
      const id = `${own}-${(last += 1)}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error("the kernel does not answer; it may be busy or gone"));
      }, PATIENCE);
      waiting.set(id, { resolve, reject, timer });
      model.send({ id, ask, given });
    });
  return Object.assign(put, {
    end(/** @type {string} */ why) {
      ended = why;
      for (const call of waiting.values()) { clearTimeout(call.timer); call.reject(new Error(why)); }
      waiting.clear();
    },
  });
}

/**
 * The numbers in a buffer, whatever it begins at.
 * @template T
 * @param {DataView | undefined} view
 * @param {new (buffer: ArrayBuffer) => T} kind
 * @returns {T}
 */
export function numbersOf(view, kind) {
  if (!view) return new kind(new ArrayBuffer(0));
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return new kind(/** @type {ArrayBuffer} */ (bytes));
}

/**
 * A function that gives the numbers in a buffer, the same ones until there is another buffer.
 * @template T
 * @param {() => DataView | undefined} find
 * @param {new (buffer: ArrayBuffer) => T} kind
 * @returns {() => T}
 */
export function kept(find, kind) {
  let seen = find();
  let found = numbersOf(seen, kind);
  return () => {
    const view = find();
    if (view !== seen) [seen, found] = [view, numbersOf(view, kind)];
    return found;
  };
}
