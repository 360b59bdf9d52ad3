// Short messages at the edge of the page.
import { el, icon } from "./dom.js";

const ICONS = { info: "info", success: "check", danger: "alert" };
const NEXT = "linea-toast";
const SHOWN_MS = { info: 5000, success: 4000, danger: 12000 };

/** Show a message on the page that is opened next. */
export function toastNext(text, kind = "success") {
  sessionStorage.setItem(NEXT, JSON.stringify([text, kind]));
}

/** Show what the page before left to say. */
export function keepToasts() {
  const left = sessionStorage.getItem(NEXT);
  sessionStorage.removeItem(NEXT);
  if (left) toast(...JSON.parse(left));
}

/** Show a message; kind: info, success, danger. The same text is not shown twice at a time. */
export function toast(text, kind = "info") {
  const place = document.getElementById("toasts");
  for (const shown of place.children) if (shown.dataset.text === text) shown.remove();
  const close = el("button", { class: "copy", type: "button", "aria-label": "Dismiss" }, icon("close"));
  const made = el("div", { class: `toast toast-${kind}`, data: { text } }, icon(ICONS[kind]), el("div", {}, text), close);
  close.addEventListener("click", () => made.remove());
  place.append(made);
  setTimeout(() => made.remove(), SHOWN_MS[kind]);
}
