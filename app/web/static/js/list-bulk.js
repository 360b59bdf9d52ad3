// Rows chosen, or all that match: cancelled or retried at once, counted first.
import { api, ask, el, page, toast, vocabulary } from "./app.js";
import { refresh } from "./list-live.js";
import { facts, rows } from "./list-rows.js";

const ASK_MS = 1000;
const WORDS = {
  cancel: { verb: "Cancel", doing: "Cancelling", done: "cancelled", none: "None of them can be cancelled: all have ended." },
  retry: { verb: "Retry", doing: "Retrying", done: "retried", none: "None of them can be retried: none has ended." },
};
const LASTING = [401, 404];
const followed = new Set();
const picked = new Set();
let all = false;

const $ = (id) => document.getElementById(id);

/** Let check boxes choose and the bar act. */
export function keepBulk() {
  if (!page.may("operator")) return;
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick]")) pick([event.target.closest("tr")], event.target.checked);
    else if (event.target.id === "pick-all") pick(rows(), event.target.checked);
  });
  $("bulk-all").addEventListener("click", () => choose(true));
  $("bulk-none").addEventListener("click", () => none());
  document.querySelectorAll("[data-bulk]").forEach((button) =>
    button.addEventListener("click", () => begin(button.dataset.bulk).catch(() => {})));
  document.addEventListener("list:renewed", () => {
    draw();
    followAll();
  });
  rows().forEach((row) => box(row).checked && picked.add(row.dataset.executionId));
  draw();
  followAll();
}

/** Follow the operations that were under way when the list was rendered, whoever began them. */
function followAll() {
  for (const operation of facts.bulk) follow(operation, WORDS[operation.kind]);
}

/** Choose rows, or no longer; what is not said is the opposite of now. */
export function pick(chosen, yes = !picked.has(chosen[0].dataset.executionId)) {
  for (const { dataset } of chosen) {
    if (yes) picked.add(dataset.executionId);
    else picked.delete(dataset.executionId);
  }
  choose(false);
}

function none() {
  picked.clear();
  choose(false);
}

function choose(everything) {
  all = everything;
  draw();
}

function box(row) {
  return row.querySelector("[data-pick]");
}

function draw() {
  const shown = rows();
  for (const row of shown) {
    const is = all || picked.has(row.dataset.executionId);
    box(row).checked = is;
    row.classList.toggle("chosen", is);
  }
  const here = shown.filter((row) => box(row).checked).length;
  if ($("pick-all")) {
    $("pick-all").checked = here > 0 && here === shown.length;
    $("pick-all").indeterminate = here > 0 && here < shown.length;
  }
  $("bulk").hidden = !all && !picked.size;
  $("bulk-count").textContent = all ? "All that match are selected" : `${picked.size} selected`;
  $("bulk-all").hidden = all || here < shown.length || !(facts.goesOn || facts.cursor);
}

/** Say which executions are meant: of those chosen only what can be cancelled, or retried. */
function target(kind) {
  const possible = vocabulary.executionStatuses.filter((status) => facts.active.includes(status) === (kind === "cancel"));
  if (!all) return { ids: [...picked], filter: { status: possible } };
  const wanted = facts.filters.status ?? possible;
  return { filter: { ...facts.filters, status: possible.filter((status) => wanted.includes(status)) } };
}

async function begin(kind) {
  const words = WORDS[kind];
  const body = target(kind);
  if (!body.filter.status.length) return toast(words.none);
  const count = said(await api(`executions/bulk/${kind}`, { method: "POST", body: { ...body, dryRun: true } }));
  if (count === "0") return toast(words.none);
  const title = `${words.verb} ${count} ${count === "1" ? "execution" : "executions"}?`;
  const text = kind === "cancel"
    ? "What is in flight is aborted. This cannot be undone."
    : "Each runs again from the start, with the same input and in the same version.";
  if (!(await ask({ title, text, action: `${words.verb} ${count}`, danger: kind === "cancel" }))) return;
  const begun = await api(`executions/bulk/${kind}`, { method: "POST", body });
  none();
  $("pick-all")?.focus(); // the bar with the button is gone
  await follow(begun, words);
}

function said(counted) {
  const { matched, matchedAtLeast } = counted;
  return matched === undefined ? `${matchedAtLeast.toLocaleString("en")} or more` : matched.toLocaleString("en");
}

/** Show how far a bulk operation is until it is completed. */
async function follow(begun, words) {
  if (followed.has(begun.bulkId)) return;
  followed.add(begun.bulkId);
  const text = el("span", {}, `${words.doing} ${said(begun)}…`);
  const bar = el("progress", { "aria-label": "Progress of the bulk operation" });
  const line = el("div", { class: "bulk-line", data: { bulkId: begun.bulkId } }, text, bar);
  $("bulk-progress").append(line);
  $("bulk-progress").hidden = false;
  const ended = await end(begun, (now) => {
    const done = now.done + now.skipped;
    if (begun.matched) Object.assign(bar, { max: begun.matched, value: done });
    text.textContent = `${words.doing}: ${done.toLocaleString("en")} of ${said(begun)}`;
  });
  line.remove();
  $("bulk-progress").hidden = !$("bulk-progress").children.length;
  if (ended) await finish(ended, words);
}

/** Wait until an operation is completed, telling each second how far it is; null when nobody can tell. */
async function end(begun, tell) {
  for (;;) {
    try {
      const now = await api(`executions/bulk/${begun.bulkId}`, { quiet: true });
      if (now.status === "completed") return now;
      tell(now);
    } catch (error) {
      if (LASTING.includes(error.status)) return null;
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

async function finish(now, words) {
  const rest = now.skipped ? `, ${now.skipped.toLocaleString("en")} left as they were` : "";
  toast(`${now.done.toLocaleString("en")} ${words.done}${rest}.`, "success");
  if (!facts.cursor) await refresh();
}
