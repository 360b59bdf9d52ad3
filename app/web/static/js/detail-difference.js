// A retry beside the execution that it repeats: status, duration, steps and outputs.
import { api, badge, duration, el, fill } from "./app.js";

const MOST_PLACES = 30;
const CUT = 80;

export class Difference {
  constructor(root, detail) {
    Object.assign(this, { root, detail, before: null });
  }

  /** Load the original, and of this one what the page left out. */
  async show() {
    fill(this.root, el("p", { class: "muted" }, "Loading…"));
    const path = `${this.detail.path.replace(/[^/]+$/, "")}${this.detail.execution.retryOf}`;
    const before = await api(path, { quiet: true }).catch(() => null);
    if (!before) return fill(this.root, el("p", { class: "muted" }, "The execution that this one repeats is gone."));
    if ([this.detail.execution, ...this.detail.steps].some((form) => form.later?.length)) await this.detail.load();
    this.before = before;
    this.update();
  }

  update() {
    if (!this.before) return;
    const { execution } = this.detail;
    const sign = JSON.stringify([execution.status, execution.steps.map((step) => [step.status, step.completedAt])]);
    if (sign === this.sign) return;
    this.sign = sign;
    fill(this.root, this.summary(this.before, execution), this.table(this.before.steps, execution.steps), this.places(this.before, execution));
  }

  summary(before, now) {
    const version = before.workflowVersion === now.workflowVersion ? "the same version" : `v${now.workflowVersion} instead of v${before.workflowVersion}`;
    const input = now.later?.includes("input") ? "" : same(before.input, now.input) ? ", the same input" : ", another input";
    return el("p", { class: "row" }, badge(before.status), arrow(), badge(now.status),
      el("span", {}, times(before.durationMs, now.durationMs)), el("span", { class: "muted" }, `${version}${input}`));
  }

  table(before, now) {
    const ids = [...new Set([...now, ...before].map((step) => step.stepId))];
    const find = (steps, id) => steps.find((step) => step.stepId === id);
    const head = ["Step", "Status", "Duration", "Output"].map((name) => el("th", { scope: "col" }, name));
    return el("div", { class: "difference-box", tabindex: "0", role: "region", "aria-label": "Difference step by step" },
      el("table", { class: "difference" },
        el("thead", {}, el("tr", {}, head)),
        el("tbody", {}, ids.map((id) => this.row(id, find(before, id), find(now, id))))));
  }

  row(id, before, now) {
    const name = now ? el("a", { href: `?step=${id}`, data: { choose: id } }, id) : id;
    const statuses = before?.status === now?.status ? [badge(now.status)]
      : [before ? badge(before.status) : "not there", arrow(), now ? badge(now.status) : "not there"];
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, el("span", { class: "row" }, statuses)),
      el("td", {}, now?.reusedFrom ? "taken over" : times(before?.durationMs, now?.durationMs)),
      el("td", {}, outputs(before, now)));
  }

  /** List where the inputs differ, and the outputs of two that completed. */
  places(before, now) {
    const both = before.status === "completed" && now.status === "completed";
    return el("div", { class: "stack" }, listed("input", before, now), both && listed("output", before, now));
  }
}

/** List place by place where a value of two executions differs. */
function listed(name, before, now) {
  if (now.later?.includes(name)) return null;
  const found = differences(before[name], now[name], name);
  if (!found.length) return el("p", { class: "muted" }, name === "input" ? "Both had the same input." : "Both gave the same output.");
  return el("div", {}, el("h2", {}, `Where the ${name} differs`), el("ul", { class: "places" },
    found.slice(0, MOST_PLACES).map(([path, one, other]) =>
      el("li", {}, el("code", {}, path), " ", el("del", {}, brief(one)), " ", el("ins", {}, brief(other)))),
    found.length > MOST_PLACES && el("li", { class: "muted" }, "… and more")));
}

function arrow() {
  return el("span", { class: "muted" }, el("span", { "aria-hidden": "true" }, "→"), el("span", { class: "for-readers" }, "then"));
}

function times(before, now) {
  return before === now ? duration(now) : `${duration(before)} → ${duration(now)}`;
}

function outputs(before, now) {
  if (before?.status !== "completed" || now?.status !== "completed") return "–";
  if (before.outputTruncated || now.outputTruncated) return "too long to compare";
  return same(before.output, now.output) ? "the same" : "changed";
}

/** Compare JSON values whatever the order of their keys. */
function same(one, other) {
  return differences(one, other, "").length === 0;
}

function differences(one, other, path, found = []) {
  if (found.length > MOST_PLACES || one === other) return found;
  const both = [one, other].every((value) => value !== null && typeof value === "object");
  if (!both || Array.isArray(one) !== Array.isArray(other)) {
    found.push([path, one, other]);
    return found;
  }
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    differences(one[key], other[key], Array.isArray(one) ? `${path}[${key}]` : `${path}.${key}`, found);
  }
  return found;
}

function brief(value) {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > CUT ? `${text.slice(0, CUT)}…` : text;
}
