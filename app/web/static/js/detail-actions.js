// What one may do with an execution: cancel it, or run it again.
import { api, el, page, toast } from "./app.js";
import { askForm, readJson } from "./detail-dialog.js";

const MOST_LETTERS = 1000;
const all = (selector) => document.querySelectorAll(selector);

export class Actions {
  constructor(detail) {
    this.detail = detail;
    const acts = {
      cancel: () => this.cancel(),
      retry: () => this.retry({}),
      "retry-failed": () => this.retry({ from: "failed" }),
      "retry-step": () => this.retry({ from: detail.chosen }),
      "retry-edit": () => this.retryWith(),
      "retry-latest": () => this.retry({ version: "latest" }),
    };
    for (const button of all("[data-act]")) button.addEventListener("click", () => acts[button.dataset.act]());
  }

  /** Offer what the execution's status allows. */
  update() {
    const { ended, execution, failed, chosen } = this.detail;
    const show = (name, isShown) => all(`[data-act="${name}"]`).forEach((button) => { button.hidden = !isShown; });
    show("cancel", !ended);
    all("[data-when=ended]").forEach((group) => { group.hidden = !ended; });
    all("[data-act=cancel]").forEach((button) => { button.disabled = execution.reason === "cancelling"; });
    show("retry-failed", ended && failed !== null);
    show("retry-step", ended && chosen !== null);
    all("[data-act=retry-step] span").forEach((span) => { span.textContent = `From the step ${chosen}`; });
  }

  cancel() {
    if (this.detail.ended) return toast("It has ended: there is nothing to cancel.");
    const reason = el("textarea", { class: "input", id: "cancel-reason", rows: 2, maxlength: MOST_LETTERS });
    askForm({
      title: "Cancel this execution?",
      action: "Cancel it",
      danger: true,
      children: [
        el("p", {}, "What is in flight is aborted, what has not begun is skipped. This cannot be undone."),
        el("div", { class: "field" }, el("label", { for: "cancel-reason" }, "Reason (optional)"), reason),
      ],
      send: () => refusal(async () => {
        const body = reason.value.trim() ? { reason: reason.value.trim() } : {};
        const cancelled = await api(`${this.detail.path}/cancel`, { method: "POST", body, quiet: true });
        this.detail.onExecution(cancelled);
      }),
    });
  }

  async retry(options) {
    if (this.busy) return;
    this.busy = true;
    await this.send(options).catch((error) => toast(error.message, "danger"));
    this.busy = false;
  }

  async send(body) {
    const made = await api(`${this.detail.path}/retry`, { method: "POST", body, quiet: true });
    location.assign(`${location.pathname.replace(/[^/]+$/, "")}${made.id}`);
  }

  /** Ask from where, in which version and with which input. */
  async retryWith() {
    const { ended, execution } = this.detail;
    if (!ended) return toast("It is still under way: only what has ended can be retried.");
    if (!execution.workflowId) return toast("Its workflow was deleted: there is nothing to repeat.");
    if (execution.later?.includes("input")) await this.detail.load();
    const before = JSON.stringify(this.detail.execution.input, null, 2);
    const input = el("textarea", { class: "input mono", id: "retry-input", rows: 8, spellcheck: "false" });
    input.value = before;
    const from = choice("retry-from", this.beginnings());
    const version = choice("retry-version", this.versions());
    askForm({
      title: "Retry this execution",
      action: "Retry",
      children: [
        field("Begin", from), version.childElementCount > 1 && field("Version of the workflow", version),
        field("Input (JSON)", input),
      ],
      send: () => {
        const read = readJson(input.value);
        if (read.error) return read.error;
        const edited = input.value === before ? {} : { input: read.value };
        return refusal(() => this.send({ from: from.value, version: version.value, ...edited }));
      },
    });
  }

  beginnings() {
    const { failed, steps, chosen } = this.detail;
    return [
      ["start", "From the start"],
      ...(failed ? [["failed", "From what failed"]] : []),
      ...steps.map((step) => [step.stepId, `From ${step.stepId}${step.stepId === chosen ? " (chosen)" : ""}`]),
    ];
  }

  versions() {
    const { execution, latest } = this.detail;
    const same = [["same", `The same (v${execution.workflowVersion})`]];
    return latest && latest !== execution.workflowVersion ? [...same, ["latest", `The latest (v${latest})`]] : same;
  }
}

function choice(id, pairs) {
  return el("select", { class: "input", id }, pairs.map(([value, text]) => el("option", { value }, text)));
}

function field(label, input) {
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
}

/** Do something; give the sentence of a refusal, or null. */
async function refusal(act) {
  try {
    await act();
    return null;
  } catch (error) {
    return error.message;
  }
}
