// What one does with one execution: cancel, retry; and the first run of a workflow.
import { api, ask, toast } from "./app.js";
import { refresh } from "./list-live.js";
import { facts, isActive, rowOf, show } from "./list-rows.js";

const ACTS = { cancel, retry };

/** Let the menus of rows, rows themselves and the Run button act. */
export function keepActions() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act(button.dataset.act, button.closest("tr"));
    const runner = event.target.closest("[data-run]");
    if (runner) run(runner);
    if (event.target.closest("#list a[data-open]")) remember(event.target.closest("tr"));
    const row = event.target.closest("#list tr[data-execution-id]");
    if (row && !event.target.closest("a, button, input, summary, .menu-items, .pick") && !getSelection().toString()) open(row, event);
  });
}

/** Do something with the execution of a row, after asking. */
export function act(name, row) {
  return ACTS[name](row).catch(() => {});
}

/** Open the execution of a row. */
export function open(row, event = null) {
  const { href } = row.querySelector("[data-open]");
  remember(row);
  if (event?.metaKey || event?.ctrlKey) window.open(href, "_blank", "noopener");
  else location.assign(href);
}

/** Let the way back from an execution end at its row. */
function remember(row) {
  history.replaceState({ row: row.dataset.executionId }, "");
}

async function cancel(row) {
  const { executionId: id, status } = row.dataset;
  if (!isActive(status)) return toast("It has ended already: there is nothing to cancel.");
  const text = "What is in flight is aborted. This cannot be undone.";
  if (!(await ask({ title: `Cancel ${named(row)}?`, text, action: "Cancel it", danger: true }))) return;
  const now = await api(`executions/${id}/cancel`, { method: "POST", body: {} });
  const shown = rowOf(id);
  if (shown) show(shown, now);
  toast(now.status === "cancelled" ? "Cancelled." : "Its worker is stopping it.", "success");
}

async function retry(row) {
  const { executionId: id, status } = row.dataset;
  if (isActive(status)) return toast("It has not ended yet: it can be retried afterwards.");
  if (row.querySelector("[data-act=retry]").disabled) return toast("Its workflow was deleted: there is nothing to repeat.");
  const text = "It runs again from the start, with the same input and in the same version.";
  if (!(await ask({ title: `Retry ${named(row)}?`, text, action: "Retry" }))) return;
  await api(`executions/${id}/retry`, { method: "POST", body: {} });
  toast("It runs again.", "success");
  if (!facts.cursor) await refresh();
}

async function run(button) {
  button.disabled = true;
  try {
    await api("executions", { method: "POST", body: { workflowId: button.dataset.run } });
    await refresh();
  } catch {
    button.disabled = false;
  }
}

function named(row) {
  return `${row.dataset.name} ${row.dataset.executionId.slice(-8)}`;
}
