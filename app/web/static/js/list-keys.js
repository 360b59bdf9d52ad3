// The keyboard in the list: rows are walked, opened, chosen and acted on without the mouse.
import { page, shortcut } from "./app.js";
import { act, open } from "./list-actions.js";
import { pick } from "./list-bulk.js";
import { rows } from "./list-rows.js";

/** Register the shortcuts that the visitor may use. */
export function keepListKeys() {
  shortcut("/", "Search", () => document.getElementById("search").select());
  shortcut("j", "Next row", () => walk(1));
  shortcut("k", "Previous row", () => walk(-1));
  shortcut("Enter", "Open the row", () => here(open));
  if (!page.may("operator")) return;
  shortcut("c", "Cancel the row's execution", () => here((row) => act("cancel", row)));
  shortcut("r", "Retry the row's execution", () => here((row) => act("retry", row)));
  shortcut("x", "Select the row", () => here((row) => pick([row])));
}

function current() {
  return document.activeElement.closest("#list tr[data-execution-id]");
}

function here(act) {
  const row = current();
  if (row) act(row);
}

function walk(by) {
  const all = rows();
  const at = all.indexOf(current());
  const next = at < 0 ? all[0] : all[Math.min(Math.max(at + by, 0), all.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
