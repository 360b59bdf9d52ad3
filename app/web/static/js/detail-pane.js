// The chosen step, or the execution itself: error, values, items, attempts, log, and a form for its signal.
import { api, badge, copyButton, duration, el, fill, took, when } from "./app.js";
import { itemsPart, logPart } from "./detail-paged.js";
import { signalForm } from "./detail-signal.js";
import { whySkipped } from "./detail-skipped.js";
import { jsonView } from "./jsonviewer.js";
import { isFinal } from "./waterfall.js";

/** Parts are made anew only when what they show changed, so that one keeps what one folded or found. */
export class Pane {
  constructor(root, detail) {
    Object.assign(this, { root, detail, shown: undefined, parts: new Map(), whole: new Map() });
  }

  /** Show a step, null for the execution. */
  show(step) {
    const id = step?.stepId ?? null;
    if (this.shown !== id) {
      this.shown = id;
      this.parts = new Map();
      this.head = el("div", { class: "pane-head" });
      this.body = el("div", { class: "pane-body parts" });
      fill(this.root, this.head, this.body);
      this.root.scrollTop = 0;
    }
    this.place(step ? this.partsOfStep(step) : this.partsOfExecution(this.detail.execution));
    this.setHead(step);
  }

  setHead(step) {
    const seen = step ?? this.detail.execution;
    const sign = JSON.stringify([seen.status, seen.reason]);
    if (this.head.dataset.sign === sign) return;
    this.head.dataset.sign = sign;
    fill(this.head, el("h2", { class: step ? "clip step-id" : "clip" }, step ? step.stepId : "Execution"), badge(seen.status, seen.reason),
      step && el("a", { class: "button button-quiet button-small push", href: this.address(step), target: "_blank", rel: "noopener" }, "Raw JSON"));
  }

  address(step) {
    return `${this.detail.path}/steps/${step.stepId}`;
  }

  place(wanted) {
    const held = [...this.parts].find(([, { element }]) => element.contains(document.activeElement))?.[0];
    const fresh = new Map();
    for (const part of wanted.filter(Boolean)) {
      const sign = JSON.stringify(part.sign);
      const before = this.parts.get(part.key);
      const known = before?.sign === sign ? before : { sign, element: this.element(part, before) };
      fresh.set(part.key, known);
    }
    this.parts = fresh;
    const elements = [...fresh.values()].map((part) => part.element);
    for (const old of [...this.body.children]) if (!elements.includes(old)) old.remove();
    elements.forEach((element, i) => {
      if (this.body.children[i] !== element) this.body.insertBefore(element, this.body.children[i] ?? null);
    });
    if (held && !this.body.contains(document.activeElement)) this.focusAgain(fresh.get(held));
  }

  /** Give the focus to what stands where the part was that had it. */
  focusAgain(part) {
    (part?.element.querySelector("summary") ?? this.root).focus({ preventScroll: true });
  }

  element({ title, open = true, make }, before) {
    if (!title) return make();
    const made = el("details", { class: "part", open: before?.element.open ?? open }, el("summary", {}, el("h3", {}, title)));
    const begin = () => {
      if (made.open && made.childElementCount === 1) made.append(make());
    };
    made.addEventListener("toggle", begin);
    begin();
    return made;
  }

  partsOfExecution(execution) {
    const { output, input, trigger, later, status, idempotencyKey } = execution;
    const loadAll = () => this.detail.load(false);
    return [
      idempotencyKey && { key: "key", sign: idempotencyKey, make: () => facts([["Idempotency key", idempotencyKey]]) },
      isFinal(status) && this.value("output", "Output", output, later?.includes("output"), "output", loadAll),
      this.value("input", "Input", input, later?.includes("input"), "input", loadAll),
      (trigger !== null || later?.includes("trigger")) &&
        this.value("trigger", "Trigger", trigger, later?.includes("trigger"), "trigger", loadAll),
    ];
  }

  partsOfStep(step) {
    const seen = this.withWhole(step);
    const load = () => this.loadWhole(step);
    if (step.later?.length && !step.inputTruncated && !step.outputTruncated) load();
    const left = (name) => (step[`${name}Truncated`] || step.later?.includes(name)) && !seen.isWhole;
    const name = `steps.${step.stepId}`;
    const signals = step.type === "waitForSignal" && step.status === "waiting";
    return [
      { key: "facts", sign: [step.status, step.startedAt, step.completedAt, step.wakeAt, step.attempt, step.items], make: () => stepFacts(step) },
      step.status === "skipped" && { key: "why", sign: step.status, make: () => el("p", { class: "muted" }, whySkipped(step, this.detail)) },
      step.error && { key: "error", sign: step.error, make: () => errorOf(step) },
      signals && { key: "signal", sign: step.attempt, make: () => signalForm(this.detail, step) },
      step.items && itemsPart(this.detail, step),
      (step.status === "completed" || step.output !== null || left("output")) &&
        this.value("output", "Output", seen.output, left("output"), `${name}.output`, load),
      step.attempt > 0 && step.type !== "waitForSignal" &&
        this.value("input", "Input", seen.input, left("input"), "", load),
      step.attempts.length > 1 && { key: "attempts", title: `Attempts (${step.attempts.length})`, sign: step.attempts, make: () => attemptsOf(step) },
      step.attempt > 0 && logPart(this.detail, step),
    ];
  }

  /** A value changes only with the state of what it belongs to: comparing long ones would be slow. */
  value(key, title, value, isLeft, path, load) {
    const { status, attempt, completedAt } = this.detail.step(this.shown) ?? this.detail.execution;
    const make = () => (isLeft ? loader(title, load) : jsonView(value, { path, label: title }));
    return { key, title, sign: [status, attempt, completedAt, Boolean(isLeft), value === null], make };
  }

  withWhole(step) {
    const whole = this.whole.get(step.stepId);
    const same = whole && whole.attempt === step.attempt && whole.status === step.status && whole.completedAt === step.completedAt;
    return same ? { ...step, input: whole.input, output: whole.output, isWhole: true } : step;
  }

  async loadWhole(step) {
    if (this.loading === step) return;
    this.loading = step;
    const whole = await api(this.address(step)).catch(() => null);
    if (!whole) {
      this.loading = null;
      return;
    }
    this.whole.set(step.stepId, whole);
    if (this.shown === step.stepId) this.show(this.detail.step(step.stepId));
  }
}

function loader(title, load) {
  const text = `Load the whole ${title.toLowerCase()}`;
  const button = el("button", { class: "button button-small", type: "button" }, text);
  button.addEventListener("click", () => {
    button.disabled = true;
    button.textContent = "Loading…";
    load().finally(() => {
      button.disabled = false;
      button.textContent = text;
    });
  });
  return el("div", { class: "row" }, el("span", { class: "muted" }, "It is too long to be shown at once."), button);
}

function errorOf(step) {
  return el("div", { class: "banner banner-danger step-error" }, el("p", { class: "detail-error", tabindex: "0" }, step.error), copyButton(step.error, "Copy the error"));
}

function stepFacts(step) {
  const ticking = isFinal(step.status) ? null : step.startedAt;
  return facts([
    ["Type", step.type],
    step.name && ["Name", step.name],
    step.startedAt && ["Started", when(step.startedAt)],
    step.startedAt && ["Duration", took(step.durationMs, ticking)],
    step.wakeAt && !isFinal(step.status) && [wakes(step), when(step.wakeAt)],
    step.attempt > 1 && ["Attempt", step.attempt],
    step.items && ["Items", itemCounts(step.items)],
    step.reusedFrom && ["Taken over from", el("a", { href: `./${step.reusedFrom}?step=${step.stepId}` }, step.reusedFrom.slice(-8))],
  ]);
}

/** Say what comes at the time that a step waits for. */
function wakes(step) {
  const isBackoff = Boolean(step.attempts.at(-1)?.error);
  if (isBackoff) return "Next attempt";
  return step.type === "waitForSignal" ? "Gives up" : "Goes on";
}

function itemCounts({ total, completed, failed }) {
  return `${completed} of ${total} completed${failed ? `, ${failed} failed` : ""}`;
}

function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function attemptsOf(step) {
  return el("ol", { class: "attempts" }, step.attempts.map((attempt) => {
    const ms = attempt.completedAt && attempt.startedAt ? Date.parse(attempt.completedAt) - Date.parse(attempt.startedAt) : null;
    return el("li", {}, el("span", { class: "num" }, `#${attempt.number}`), when(attempt.startedAt),
      el("span", { class: "num muted" }, ms === null ? "" : duration(ms)),
      el("span", { class: attempt.error ? "attempt-error" : "muted" }, attempt.error ?? (attempt.completedAt ? "Done" : "Under way")));
  }));
}
