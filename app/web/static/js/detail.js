// The page of one execution: what is known of it, kept up by its stream, and the parts that show it.
import { api, live, page, shortcut } from "./app.js";
import { Actions } from "./detail-actions.js";
import { Head } from "./detail-head.js";
import { Pane } from "./detail-pane.js";
import { addRelated } from "./detail-related.js";
import { keepTabs } from "./detail-tabs.js";
import { isFinal, Waterfall } from "./waterfall.js";

const TICK_MS = 500;
const CHILDREN_MS = 600;
const byId = (id) => document.getElementById(id);

class Detail {
  constructor(data) {
    Object.assign(this, data, { seen: new Set() });
    const ahead = data.now - Date.now();
    this.path = `${page.api}/executions/${data.execution.id}`;
    this.waterfall = new Waterfall(document.querySelector(".wf"), data.definition, () => Date.now() + ahead);
    this.head = new Head(this);
    this.pane = new Pane(byId("chosen"), this);
    this.actions = new Actions(this);
    this.chosen = this.initial();
  }

  get steps() { return this.execution.steps; }
  get ended() { return isFinal(this.execution.status); }
  step(id) { return this.steps.find((step) => step.stepId === id) ?? null; }

  /** Give the failed step that ended first, which is most likely why the execution failed. */
  get failed() {
    const failed = this.steps.filter((step) => step.status === "failed");
    return failed.sort((one, other) => (one.completedAt < other.completedAt ? -1 : 1))[0] ?? null;
  }

  initial() {
    const asked = new URLSearchParams(location.search).get("step");
    if (asked === null && this.execution.status === "failed") return this.failed?.stepId ?? null;
    return this.step(asked)?.stepId ?? null;
  }

  start() {
    keepTabs(document.querySelector(".pane-tabs"), (name) => this.showView(name));
    document.addEventListener("click", (event) => this.onClick(event));
    this.addShortcuts();
    this.draw();
    this.timer = setInterval(() => !document.hidden && !this.ended && this.waterfall.tick(), TICK_MS);
    if (!this.ended) this.listen();
  }

  listen() {
    this.stop = live(`${this.path}/stream`, {
      onExecution: (execution) => this.onExecution(execution),
      onStep: (step) => this.onStep(step),
      onReset: () => this.load(),
      onState: (state) => this.head.showLive(state),
    });
  }

  onExecution(execution) {
    Object.assign(this.execution, execution);
    this.drawSoon();
    if (this.ended) this.load();
  }

  onStep(step) {
    const at = this.steps.findIndex((known) => known.stepId === step.stepId);
    if (at < 0) return this.load();
    const changed = this.steps[at].status !== step.status;
    this.steps[at] = { ...step, later: [] };
    this.drawSoon();
    if (changed && step.type === "workflow") this.loadSoon();
  }

  loadSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.load(), CHILDREN_MS);
  }

  /** Load all again: at the end, when changes were missed, and while there is no stream. */
  async load(quiet = true) {
    const loaded = await api(this.path, { quiet }).catch(() => null);
    if (!loaded) return;
    loaded.later = [];
    loaded.steps.forEach((step) => { step.later = []; });
    this.execution = loaded;
    addRelated(loaded);
    this.drawSoon();
    if (!this.ended) return;
    this.stop?.();
    this.head.showLive(null);
  }

  /** Draw once for all that came together. */
  drawSoon() {
    if (this.waiting) return;
    this.waiting = true;
    setTimeout(() => {
      this.waiting = false;
      this.draw();
    }, 30);
  }

  draw() {
    this.head.update();
    this.waterfall.update(this.execution, this.steps);
    this.waterfall.choose(this.chosen);
    this.graph?.update(this.statuses());
    this.difference?.update();
    this.pane.show(this.step(this.chosen));
    this.actions.update();
  }

  statuses() {
    return Object.fromEntries(this.steps.map((step) => [step.stepId, step.status]));
  }

  onClick(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("[data-choose], .wf-name");
    if (!link) return;
    event.preventDefault();
    this.choose(link.dataset.choose ?? link.closest("[data-step-id]")?.dataset.stepId ?? null, true);
    if (event.detail === 0) byId("chosen").focus({ preventScroll: true }); // by the keyboard
  }

  /** Show a step beside the waterfall, null for the execution; `go` moves there where it is below, else to its line. */
  choose(stepId, go = false) {
    this.chosen = stepId;
    history.replaceState(null, "", `?step=${encodeURIComponent(stepId ?? "")}`);
    this.waterfall.choose(stepId);
    this.graph?.choose(stepId);
    this.pane.show(this.step(stepId));
    this.actions.update();
    if (!go) return;
    if (byId("chosen").getBoundingClientRect().top > innerHeight - 120) byId("chosen").scrollIntoView();
    else document.querySelector(".wf-chosen").scrollIntoView({ block: "nearest" });
  }

  move(by) {
    const order = [null, ...this.steps.map((step) => step.stepId)];
    const at = Math.min(Math.max(order.indexOf(this.chosen) + by, 0), order.length - 1);
    this.choose(order[at]);
    const row = document.querySelector(".wf-chosen");
    row.querySelector("a").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  /** Begin a view the first time one looks at it. */
  async showView(name) {
    if (this.seen.has(name)) return;
    this.seen.add(name);
    if (name === "graph") {
      const { drawGraph } = await import("./graph.js");
      const options = { chosen: this.chosen, onChoose: (id) => this.choose(id, true) };
      this.graph = drawGraph(byId("view-graph"), this.definition, this.statuses(), options);
    } else if (name === "difference") {
      const { Difference } = await import("./detail-difference.js");
      this.difference = new Difference(byId("view-difference"), this);
      this.difference.show();
    }
  }

  addShortcuts() {
    shortcut("j", "Next step", () => this.move(1));
    shortcut("k", "Previous step", () => this.move(-1));
    const { zoom } = this.waterfall;
    shortcut("+", "Zoom in", () => zoom.in());
    shortcut("-", "Zoom out", () => zoom.out());
    shortcut("0", "Show all of the time", () => zoom.all());
    shortcut("h", "Show what was earlier", () => zoom.move(-1));
    shortcut("l", "Show what came later", () => zoom.move(1));
    shortcut("z", "Zoom to the chosen step", () => this.waterfall.fit(this.chosen));
    shortcut("Enter", "Go to what the step took and gave", () => {
      byId("chosen").focus();
      byId("chosen").scrollIntoView({ block: "nearest" });
    });
    if (!page.may("operator")) return;
    shortcut("c", "Cancel the execution", () => this.actions.cancel());
    shortcut("r", "Retry the execution", () => this.actions.retryWith());
  }
}

new Detail(JSON.parse(byId("detail").textContent)).start();
