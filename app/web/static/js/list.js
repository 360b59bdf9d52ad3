// The list of executions: puts its parts together.
import { keepActions } from "./list-actions.js";
import { keepBulk } from "./list-bulk.js";
import { keepFilters, localize } from "./list-filters.js";
import { keepListKeys } from "./list-keys.js";
import { keepLive } from "./list-live.js";
import { rowOf } from "./list-rows.js";

localize(document);
keepFilters();
keepActions();
keepBulk();
keepListKeys();
keepLive();
if (history.state?.row) rowOf(history.state.row)?.focus({ preventScroll: true }); // back from it
