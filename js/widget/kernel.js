// @ts-check
// Whether the kernel that made a widget is still there, as far as the host tells: JupyterLab and Notebook do, others do not.

const OVER = ["dead", "restarting", "autorestarting"]; // what comes after a restart is another kernel, without the widget

/**
 * Calls `call` once, when the kernel is gone.
 * @param {any} model
 * @param {() => void} call
 * @param {AbortSignal} signal
 */
export function whenGone(model, call, signal) {
  const kernel = model.widget_manager?.kernel;
  let told = false;
  const gone = () => {
    if (told || signal.aborted) return;
    told = true;
    call();
  };
  const status = (/** @type {unknown} */ _, /** @type {string} */ word) => { if (OVER.includes(word)) gone(); };
  kernel?.statusChanged?.connect(status);
  kernel?.disposed?.connect(gone);
  model.on("comm_live_update", gone); // of a model that lives, it is never told again
  signal.addEventListener("abort", () => {
    kernel?.statusChanged?.disconnect(status);
    kernel?.disposed?.disconnect(gone);
    model.off("comm_live_update", gone);
  });
  if (kernel?.isDisposed || OVER.includes(kernel?.status)) gone();
}
