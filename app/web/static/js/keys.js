// Keyboard shortcuts: registered with a sentence each, listed by `?`.
import { el } from "./dom.js";

const shortcuts = new Map();

/** Let a key ("/", "j", "Enter") do something; not while one types, nor under an open dialog. */
export function shortcut(key, sentence, act) {
  shortcuts.set(key, { sentence, act });
}

/** Listen to the keyboard and to the help buttons. */
export function keepKeys() {
  shortcut("?", "Show these shortcuts", showHelp);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const found = shortcuts.get(event.key);
    if (!found) return;
    event.preventDefault();
    found.act(event);
  });
  document.querySelectorAll("[data-help]").forEach((button) => button.addEventListener("click", showHelp));
}

function isTyping(target) {
  return target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

function showHelp() {
  const lines = [...shortcuts].flatMap(([key, { sentence }]) => [
    el("dt", {}, el("kbd", {}, key)),
    el("dd", {}, sentence),
  ]);
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "help-title" },
    el("form", { method: "dialog", class: "stack" },
      el("h2", { id: "help-title" }, "Keyboard shortcuts"),
      el("dl", { class: "keys" }, lines),
      el("div", { class: "dialog-actions" }, el("button", { class: "button" }, "Close")),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
