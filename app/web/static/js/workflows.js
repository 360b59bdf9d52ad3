// The list of workflows: the last execution of each follows the stream.
import { badge, el, live, page, shortcut, when } from "./app.js";
import { keepTableKeys } from "./row-keys.js";

const table = document.getElementById("workflows");
const create = document.querySelector("[data-new]");
keepTableKeys("workflows");
if (create) shortcut("n", "New workflow", () => create.click());
if (table) live(`${page.api}/executions/stream`, { onExecution, onPoll: () => {} });

function onExecution(execution) {
  const row = [...table.tBodies[0].rows].find(({ dataset }) => dataset.workflowId === execution.workflowId);
  const cell = row?.querySelector("[data-last]");
  if (!cell || (cell.querySelector("a")?.dataset.id ?? "") > execution.id) return;
  const href = `${location.pathname.replace(/\/workflows$/, "")}/executions/${execution.id}`;
  cell.replaceChildren(el("a", { class: "row", href, data: { id: execution.id } },
    badge(execution.status, execution.reason), el("span", { class: "muted small" }, when(execution.createdAt))));
}
