// The dialog that starts a workflow with an input, beginning from the input of its last execution.
import { api } from "./api.js";
import { fieldOf, jsonOf, onSubmit } from "./forms.js";
import { shortcut } from "./keys.js";

const LONGEST_PREFILLED = 100_000;

/** Let the button #run and the address `#run` open the dialog; it leads to the execution. */
export function runDialog({ id, space, isDirty }) {
  const button = document.getElementById("run");
  const dialog = document.getElementById("run-dialog");
  const form = document.getElementById("run-form");
  if (!button || button.disabled) return;
  const note = document.getElementById("run-note");
  const said = [...note.childNodes];
  const open = async () => {
    note.replaceChildren(...said, isDirty() ? " What you have not saved is not in it." : "");
    if (fieldOf(form, "input").dataset.typed === undefined) await prefill(fieldOf(form, "input"), id);
    if (!dialog.open) dialog.showModal();
  };
  button.addEventListener("click", open);
  shortcut("r", "Run this workflow", open);
  fieldOf(form, "input").addEventListener("input", ({ target }) => { target.dataset.typed = ""; });
  onSubmit(form, async () => {
    const body = { workflowId: id, input: jsonOf(form, "input") };
    const made = await api("executions", { method: "POST", body, quiet: true });
    location.assign(`${space}/executions/${made.id}`);
  });
  if (location.hash === "#run") open();
}

async function prefill(field, id) {
  try {
    const { data } = await api(`executions?workflowId=${id}&limit=1`, { quiet: true });
    if (!data.length) return;
    const text = JSON.stringify((await api(`executions/${data[0].id}`, { quiet: true })).input, null, 2);
    if (text.length <= LONGEST_PREFILLED) field.value = text;
  } catch {
    // An empty object is as good a beginning.
  }
}
