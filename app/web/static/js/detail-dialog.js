// A dialog that stays open until what it asks for is accepted, and JSON that people type.
import { el } from "./app.js";

/** Ask by a form; `send()` gives null when it is done, or a sentence that says what is wrong. */
export function askForm({ title, children, action, danger = false, send }) {
  const error = el("p", { class: "field-error", role: "alert" });
  const button = el("button", { class: `button ${danger ? "button-danger-fill" : "button-primary"}`, type: "submit" }, action);
  const back = el("button", { class: "button", type: "button", data: { closes: "" } }, "Back");
  const form = el("form", { class: "stack" }, el("h2", { id: "form-title" }, title), children, error,
    el("div", { class: "dialog-actions" }, back, button));
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "form-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.textContent = (await send()) ?? "";
    button.disabled = false;
    if (!error.textContent) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Read JSON as the API does where JavaScript would be silent: {value} or {error}. */
export function readJson(text) {
  let tooLarge = false;
  try {
    const value = JSON.parse(text, (_, member) => {
      if (typeof member === "number" && !Number.isFinite(member)) tooLarge = true;
      return member;
    });
    return tooLarge ? { error: "A number is too large." } : { value };
  } catch (error) {
    return { error: `This is no JSON: ${error.message}` };
  }
}
