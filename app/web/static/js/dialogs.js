// Dialogs, menus and copy buttons, by their data attributes.
import { el, fill, icon } from "./dom.js";
import { toast } from "./toasts.js";

/**
 * Ask before something is done; resolves to true or false.
 * ask({title: "Cancel 12 executions?", text: "…", action: "Cancel them", danger: true})
 */
export function ask({ title, text = "", action = "OK", danger = false, children = [] }) {
  const kind = danger ? "button button-danger-fill" : "button button-primary";
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "ask-title" },
    el("form", { method: "dialog", class: "stack" },
      el("h2", { id: "ask-title" }, title),
      text && el("p", {}, text),
      children,
      el("div", { class: "dialog-actions" },
        el("button", { class: "button", value: "no", formnovalidate: true }, "Back"),
        el("button", { class: kind, value: "yes", autofocus: true }, action)),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** Copy a text; where the browser has no clipboard for this page, say so. */
export async function copy(text, button = null) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast("The browser does not let this page copy: select the text instead.", "danger");
    return;
  }
  if (!button) return;
  fill(button, icon("done"));
  button.classList.add("copied");
  setTimeout(() => {
    fill(button, icon("copy"));
    button.classList.remove("copied");
  }, 1200);
}

/**
 * data-copy="text" and data-copy-from="id of an element" copy; data-opens="id" opens a dialog,
 * data-closes closes the one around it, dialog[data-open] is open from the start;
 * details[data-menu] closes by Escape, by a click elsewhere and by a choice.
 */
export function keepDialogs() {
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus(null, true);
  });
  document.querySelector("dialog[data-open]")?.showModal();
}

function onClick(event) {
  const target = event.target;
  const copier = target.closest("[data-copy], [data-copy-from]");
  if (copier) {
    event.preventDefault();
    const from = copier.dataset.copyFrom;
    copy(from ? document.getElementById(from).textContent : copier.dataset.copy, copier);
  }
  const opener = target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  target.closest("[data-closes]")?.closest("dialog").close();
  closeMenus(target.closest(".menu-items") ? null : target.closest("details[data-menu]"), false);
}

function closeMenus(except, refocus) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu === except) continue;
    menu.open = false;
    if (refocus) menu.querySelector("summary").focus();
  }
}
