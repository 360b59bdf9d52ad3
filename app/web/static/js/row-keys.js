// The keyboard in tables: rows are walked and opened without the mouse.
import { shortcut } from "./keys.js";

/** Let `j` and `k` walk over `rows()`, and Enter `open` the one that has the focus; gives `here(act)`. */
export function keepRowKeys(rows, open) {
  const here = (act) => {
    const row = current(rows());
    if (row) act(row);
  };
  shortcut("j", "Next row", () => walk(rows(), 1));
  shortcut("k", "Previous row", () => walk(rows(), -1));
  shortcut("Enter", "Open the row", () => here(open));
  return here;
}

/** The same for a table by its id, whose rows lead where their `.name` does. */
export function keepTableKeys(id) {
  const table = document.getElementById(id);
  if (!table) return;
  const rows = () => [...table.tBodies[0].rows];
  for (const row of rows()) row.tabIndex = -1;
  keepRowKeys(rows, (row) => row.querySelector("a.name").click());
}

function current(rows) {
  return rows.find((row) => row.contains(document.activeElement));
}

function walk(rows, by) {
  const at = rows.indexOf(current(rows));
  const next = at < 0 ? rows[0] : rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
