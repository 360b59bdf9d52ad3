// The script of every page; scripts of single pages import what they need from here.
import { keepDialogs } from "./dialogs.js";
import { keepKeys } from "./keys.js";
import { keepTimes } from "./times.js";
import { keepToasts } from "./toasts.js";

export { api, ApiError } from "./api.js";
export { ask, copy } from "./dialogs.js";
export { badge, copyButton, el, fill, icon, page, svg, vocabulary } from "./dom.js";
export { shortcut } from "./keys.js";
export { live } from "./live.js";
export { absolute, duration, relative, took, when } from "./times.js";
export { toast, toastNext } from "./toasts.js";

keepDialogs();
keepKeys();
keepTimes();
keepToasts();
