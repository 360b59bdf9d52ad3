// The keyboard in the list of executions: rows are walked, opened, chosen and acted on without the mouse.
import { page, shortcut } from "./app.js";
import { act, open } from "./list-actions.js";
import { pick } from "./list-bulk.js";
import { rows } from "./list-rows.js";
import { keepRowKeys } from "./row-keys.js";

/** Register the shortcuts that the visitor may use. */
export function keepListKeys() {
  shortcut("/", "Search", () => document.getElementById("search").select());
  const here = keepRowKeys(rows, open);
  if (!page.may("operator")) return;
  shortcut("c", "Cancel the row's execution", () => here((row) => act("cancel", row)));
  shortcut("r", "Retry the row's execution", () => here((row) => act("retry", row)));
  shortcut("x", "Select the row", () => here((row) => pick([row])));
}
