// The form for what a step of type waitForSignal waits for.
import { api, el, page, toast } from "./app.js";
import { readJson } from "./detail-dialog.js";

/** Make the form; those who may not send signals are told what is waited for. */
export function signalForm(detail, step) {
  if (!page.may("operator")) return el("p", { class: "muted" }, "It waits for a signal, which the role operator may send.");
  const payload = el("textarea", { class: "input mono", id: "signal-payload", rows: 4, spellcheck: "false", "aria-describedby": "signal-error" });
  const error = el("p", { class: "field-error", id: "signal-error", role: "alert" });
  const button = el("button", { class: "button button-primary", type: "submit" }, "Send the signal");
  const form = el("form", { class: "stack signal" },
    el("div", { class: "field" }, el("label", { for: "signal-payload" }, "Payload (JSON)"), payload,
      el("p", { class: "field-hint" }, "It becomes the output of the step; empty is null."), error),
    el("div", {}, button));
  payload.addEventListener("input", () => { error.textContent = ""; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const read = readJson(payload.value.trim() || "null");
    error.textContent = read.error ?? "";
    if (read.error) return;
    button.disabled = true;
    try {
      await api(`${detail.path}/signals/${step.stepId}`, { method: "POST", body: { payload: read.value }, quiet: true });
      toast(`The signal for ${step.stepId} was sent.`, "success");
      document.getElementById("chosen").focus({ preventScroll: true }); // the form goes away
    } catch (refused) {
      error.textContent = refused.message;
      button.disabled = false;
    }
  });
  return form;
}
