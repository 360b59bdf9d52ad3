// The waterfall: a line for the execution and one for each step, with bars along a common time axis.
import { el, fill, icon, vocabulary } from "./dom.js";
import { duration } from "./times.js";
import { marks } from "./waterfall-axis.js";
import { Zoom } from "./waterfall-zoom.js";

const WAITS = ["wait", "waitForSignal"];
const FINAL = ["completed", "failed", "cancelled", "skipped"];

/** Tell whether a status is an end. */
export const isFinal = (status) => FINAL.includes(status);

export class Waterfall {
  /** Take over the lines that the server wrote; `clock()` is the server's time. */
  constructor(root, definition, clock) {
    Object.assign(this, { root, clock, bars: [], needs: needsOf(definition) });
    this.list = root.querySelector(".wf-rows");
    this.axis = root.querySelector(".wf-ticks");
    this.lines = root.querySelector(".wf-marks");
    this.rows = new Map([...this.list.querySelectorAll("[data-step-id]")].map((row) => [row.dataset.stepId, row]));
    this.whole = this.list.querySelector("[data-whole]");
  }

  /** What chooses the part of the time that is shown; there once something is. */
  get zoom() {
    this.zooming ??= new Zoom(this.root, () => this.span(), () => this.tick());
    return this.zooming;
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

  /** Let running bars grow, and show the part that is zoomed to. */
  tick() {
    const whole = this.span();
    const [start, end] = this.zoom.view;
    const part = (at) => (100 * Math.min(Math.max(at - start, 0), end - start)) / (end - start);
    for (const { bar, from, to } of this.bars) {
      const until = to ?? whole[1];
      bar.hidden = until < start || from > end;
      bar.style.left = `${part(from)}%`;
      bar.style.width = `${part(until) - part(from)}%`;
    }
    this.pointAway(start);
    this.drawAxis(start - whole[0], end - start);
    this.zoom.place();
  }

  /** Say on lines whose bars lie all outside of what is shown where they are. */
  pointAway(start) {
    const away = new Map();
    for (const { row, bar, from } of this.bars) {
      if (!bar.hidden) away.set(row, "");
      else if (!away.has(row)) away.set(row, from < start ? "earlier" : "later");
    }
    for (const [row, where] of away) row.querySelector(".wf-track").dataset.away = where;
  }

  /** Zoom to the bars of a step, or to all of the time. */
  fit(stepId) {
    const [, now] = this.span();
    const own = this.bars.filter(({ row }) => row === this.rows.get(stepId));
    if (!own.length) return this.zoom.all();
    return this.zoom.fit(Math.min(...own.map(({ from }) => from)), Math.max(...own.map(({ to }) => to ?? now)));
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

  drawAxis(from, length) {
    const ticks = marks(from, length);
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
    parts.forEach(({ from, to }, i) => this.bars.push({ row, bar: bars[i], from, to }));
    fill(row.querySelector(".wf-track"), bars, note && el("span", { class: "wf-note" }, note));
  }
}

/** Read what each step waits for; of a definition without late steps' own order, nothing is guessed. */
export function needsOf(definition) {
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
