// The rows of the list: found, and changed in place to what an execution is by now.
import { badge, el, fill, svg, took, vocabulary, when } from "./app.js";

/** What the server tells about the list that it rendered: filters, cursor, goesOn, at, first. */
export const facts = {};
readFacts(document);

/** Take over what a newly rendered page tells. */
export function readFacts(root) {
  Object.assign(facts, JSON.parse(root.getElementById("list-facts").textContent));
}

/** Give all rows. */
export function rows() {
  return [...document.querySelectorAll("#list tr[data-execution-id]")];
}

/** Give the row of an execution, null where it is not shown. */
export function rowOf(id) {
  return document.querySelector(`#list tr[data-execution-id="${CSS.escape(id)}"]`);
}

/** Tell whether an execution with a status has not ended. */
export function isActive(status) {
  return facts.active.includes(status);
}

/** Let a row show an execution in list form; what is older than what it shows is left aside. */
export function show(row, execution) {
  const { status, reason, done } = row.dataset;
  const shown = { status, reason, done: Number(done) };
  if (!isActive(status) && isActive(execution.status)) return false;
  if (status === execution.status && shown.done > execution.stepsDone) return false;
  if (status !== execution.status || reason !== (execution.reason ?? "")) {
    replace(cell(row, "status"), badge(execution.status, execution.reason));
  }
  fill(cell(row, "queued"), queued(execution));
  fill(cell(row, "took"), took(execution.durationMs, execution.completedAt ? null : execution.startedAt));
  const moved = isActive(status) || status !== execution.status;
  if (execution.stepsTotal && moved) drawSteps(cell(row, "steps"), execution, shown.done);
  showError(cell(row, "error"), execution.error);
  Object.assign(row.dataset, {
    status: execution.status, reason: execution.reason ?? "", done: execution.stepsDone,
  });
  return status !== execution.status;
}

function cell(row, name) {
  return row.querySelector(`[data-cell="${name}"]`);
}

function replace(cell, child) {
  cell.replaceChildren(child);
}

function queued(execution) {
  if (execution.reason === "delayed") return el("span", { title: "Its time to start" }, when(execution.runAt));
  const from = Math.max(Date.parse(execution.createdAt), Date.parse(execution.runAt ?? 0));
  if (execution.startedAt) return took(Math.max(0, Date.parse(execution.startedAt) - from));
  return took(null, execution.status === "pending" ? new Date(from).toISOString() : null);
}

/** Draw the bar; of one that just failed, the steps that had ended before count as done. */
function drawSteps(cell, execution, doneBefore) {
  const { stepsTotal: total, stepsDone, status } = execution;
  const failed = status === "failed" ? 1 : 0;
  const done = Math.min(isActive(status) || status === "completed" ? stepsDone : doneBefore, total - failed);
  const kind = isActive(status) ? "running" : "completed";
  const parts = [part(0, done, total, kind), part(done, failed, total, "failed")].filter(Boolean);
  cell.querySelector(".bar").replaceChildren(...parts);
  cell.querySelector(".num").textContent = `${stepsDone}/${total}`;
  cell.querySelector(".steps").title = `${stepsDone} of ${total} steps ended`;
}

function part(from, length, total, kind) {
  if (!length) return null;
  const size = { x: (100 * from) / total, y: 0, width: (100 * length) / total, height: 6 };
  return svg("rect", { class: `fill-${kind}`, ...size });
}

function showError(place, error) {
  const line = (error ?? "").trim().split("\n")[0].slice(0, 200);
  place.textContent = line;
  place.title = line;
  place.hidden = !line;
}

/** Say to a screen reader what became of an execution. */
export function say(execution) {
  const label = vocabulary.statuses[execution.status].label.toLowerCase();
  document.getElementById("said").textContent = `${execution.workflowName} ${execution.id.slice(-8)}: ${label}`;
}
