// The waterfall: a line for the execution and one for each step, with bars along a common time axis.
import { el, fill, icon, vocabulary } from "./dom.js";
import { duration } from "./times.js";

const WAITS = ["wait", "waitForSignal"];
const FINAL = ["completed", "failed", "cancelled", "skipped"];
const STEPS = [1, 2, 5].flatMap((n) => [n, 10 * n, 100 * n]);
const UNITS = [
  ...STEPS, ...[1, 2, 5, 10, 15, 30].map((n) => n * 1000), ...[1, 2, 5, 10, 15, 30].map((n) => n * 60_000),
  ...[1, 2, 4, 6, 12].map((n) => n * 3_600_000), ...[1, 2, 5, 10, 20, 50, 100].map((n) => n * 86_400_000),
];
const MOST_TICKS = 5;

/** Tell whether a status is an end. */
export const isFinal = (status) => FINAL.includes(status);

export class Waterfall {
  /** Take over the lines that the server wrote; `clock()` is the server's time. */
  constructor(root, definition, clock) {
    Object.assign(this, { root, clock, bars: [], needs: needsOf(definition) });
    this.list = root.querySelector(".wf-rows");
    this.axis = root.querySelector(".wf-axis");
    this.lines = root.querySelector(".wf-lines");
    this.rows = new Map([...this.list.querySelectorAll("[data-step-id]")].map((row) => [row.dataset.stepId, row]));
    this.whole = this.list.querySelector("[data-whole]");
  }

  /** Show how the execution and its steps are now. */
  update(execution, steps) {
    Object.assign(this, { execution, steps, bars: [] });
    const byId = new Map(steps.map((step) => [step.stepId, step]));
    this.draw(this.whole, partsOfWhole(execution), null);
    for (const step of steps) {
      const row = this.rows.get(step.stepId);
      if (!row) continue;
      write(row, step);
      this.draw(row, partsOf(step, this.readyAt(step, byId), isFinal(execution.status)), noteOf(step));
    }
    this.tick();
  }

  /** Mark the chosen line: a step's id, or null for the execution. */
  choose(stepId) {
    for (const row of [this.whole, ...this.rows.values()]) {
      const chosen = (row.dataset.stepId ?? null) === stepId;
      row.classList.toggle("wf-chosen", chosen);
      const link = row.querySelector("a");
      if (chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  /** Let running bars grow. */
  tick() {
    const [start, end] = this.span();
    const part = (at) => (100 * Math.min(Math.max(at - start, 0), end - start)) / (end - start);
    for (const { bar, from, to } of this.bars) {
      const left = part(from);
      bar.style.left = `${left}%`;
      bar.style.width = `${part(to ?? end) - left}%`;
    }
    this.drawAxis(end - start);
  }

  /** Give the ends of the axis; a long time in the queue is left out, as it would hide the rest. */
  span() {
    const { createdAt, startedAt, completedAt } = this.execution;
    const end = completedAt ? Date.parse(completedAt) : this.clock();
    const created = Date.parse(createdAt);
    const started = startedAt ? Date.parse(startedAt) : created;
    const start = started - created <= (end - started) / 2 ? created : started;
    return [start, Math.max(end, start + 1)];
  }

  drawAxis(length) {
    const unit = UNITS.find((size) => length / size <= MOST_TICKS) ?? UNITS.at(-1);
    const ticks = [];
    for (let at = 0; at < length * 0.94; at += unit) ticks.push([(100 * at) / length, at ? duration(at) : "0"]);
    const known = ticks.map(([left, text]) => `${left.toFixed(1)} ${text}`).join();
    if (known === this.known) return;
    this.known = known;
    fill(this.axis, ticks.map(([left, text]) => placed(el("span", { class: "wf-tick" }, text), left)));
    fill(this.lines, ticks.map(([left]) => placed(el("span", { class: "wf-line" }), left)));
  }

  /** Tell when all that a step needs had ended; null while that is not so. */
  readyAt(step, byId) {
    if (!this.needs.has(step.stepId)) return null;
    const needed = this.needs.get(step.stepId).map((id) => byId.get(id));
    if (needed.some((need) => !need || !isFinal(need.status))) return null;
    const begin = Date.parse(this.execution.startedAt);
    return Math.max(begin, ...needed.map((need) => (need.reusedFrom ? begin : Date.parse(need.completedAt)) || begin));
  }

  draw(row, parts, note) {
    const bars = parts.map(({ kind, title }) => el("span", { class: `wf-bar ${kind}`, title }));
    parts.forEach(({ from, to }, i) => this.bars.push({ bar: bars[i], from, to }));
    fill(row.querySelector(".wf-track"), bars, note && el("span", { class: "wf-note" }, note));
  }
}

/** Read what each step waits for; of a definition without late steps' own order, nothing is guessed. */
function needsOf(definition) {
  const needs = new Map();
  let previous = [];
  for (const step of definition?.steps ?? []) {
    const late = (step.runOn ?? "success") !== "success";
    if (late) continue;
    needs.set(step.id, step.needs ?? previous);
    previous = [step.id];
  }
  return needs;
}

function placed(element, left) {
  element.style.left = `${left}%`;
  return element;
}

function write(row, step) {
  if (row.dataset.status !== step.status) {
    row.dataset.status = step.status;
    const known = vocabulary.statuses[step.status];
    row.className = row.className.replace(/wf-is-\w+/, `wf-is-${step.status}`);
    fill(row.querySelector(".wf-icon"), icon(known.icon), el("span", { class: "for-readers" }, `${known.label}: `));
  }
  const items = step.items ? `${step.items.completed + step.items.failed}/${step.items.total}` : "";
  setText(row.querySelector(".wf-items"), items);
  const time = row.querySelector(".wf-time");
  const ticks = step.startedAt && !step.completedAt && !isFinal(step.status);
  if (ticks) time.dataset.since = step.startedAt;
  else delete time.dataset.since;
  if (!ticks) setText(time, step.durationMs === null || step.reusedFrom ? "" : duration(step.durationMs));
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function noteOf(step) {
  if (step.reusedFrom) return "taken over";
  return step.status === "skipped" ? "skipped" : null;
}

function partsOfWhole({ createdAt, startedAt, completedAt, status, reason }) {
  const start = startedAt ?? completedAt;
  const queued = { kind: "wf-queued", from: Date.parse(createdAt), to: start ? Date.parse(start) : null, title: "In the queue" };
  if (!startedAt) return [queued];
  const kind = `wf-bar-${status}${reason === "waiting" ? " wf-hatch" : ""}`;
  const to = completedAt ? Date.parse(completedAt) : null;
  return [queued, { kind: `wf-bar-whole ${kind}`, from: Date.parse(startedAt), to, title: vocabulary.statuses[status].label }];
}

/** Cut a step's time into bars: ready and waiting for its turn, each attempt, the pauses between them. */
function partsOf(step, ready, ended) {
  if (step.reusedFrom || step.status === "skipped") return [];
  const parts = [];
  const [first] = step.attempts;
  if (ready !== null && !(ended && !first)) {
    const to = first?.startedAt ? Date.parse(first.startedAt) : null;
    parts.push({ kind: "wf-queued", from: ready, to, title: "Ready, waiting for its turn" });
  }
  step.attempts.forEach((attempt, i) => parts.push(...attemptParts(step, attempt, step.attempts[i + 1])));
  return parts;
}

function attemptParts(step, attempt, next) {
  if (!attempt.startedAt) return [];
  const from = Date.parse(attempt.startedAt);
  const open = !next && !isFinal(step.status);
  const to = attempt.completedAt ? Date.parse(attempt.completedAt) : open ? null : Date.parse(next?.startedAt ?? step.completedAt);
  const status = next || (open && attempt.error) ? "failed" : step.status;
  const hatch = WAITS.includes(step.type) || (status === "waiting" && !attempt.completedAt) ? " wf-hatch" : "";
  const took = to === null ? "" : `, ${duration(to - from)}`;
  const parts = [{ kind: `wf-bar-${status}${hatch}`, from, to, title: `Attempt ${attempt.number}${took}` }];
  if (attempt.completedAt && (next || open)) {
    parts.push({ kind: "wf-pause wf-hatch", from: to, to: next?.startedAt ? Date.parse(next.startedAt) : null, title: "Pause before the next attempt" });
  }
  return parts;
}
