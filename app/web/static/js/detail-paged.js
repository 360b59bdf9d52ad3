// Items of a forEach and log lines: a page at a time, by their routes.
import { absolute, api, badge, el } from "./app.js";
import { jsonView } from "./jsonviewer.js";
import { isFinal } from "./waterfall.js";

const ITEMS = 50;
const LINES = 200;
const MOST = 200;
const AGAIN_MS = 3000;
const CUT = 120;

/** The part of a step that lists its items. */
export function itemsPart(detail, step) {
  const many = step.items.total > ITEMS;
  return part(detail, step, { key: "items", title: "Items", open: !many, many }, ITEMS, itemLine, "No such item has begun.");
}

/** The part of a step that shows its log. */
export function logPart(detail, step) {
  const open = step.type === "code" || step.type === "task";
  return part(detail, step, { key: "logs", title: "Log", open }, LINES, logLine, "It wrote nothing.");
}

function part(detail, step, names, limit, line, nothing) {
  const make = () => {
    const pages = new Pages(`${detail.path}/steps/${step.stepId}/${names.key}`, { ...names, limit, line, nothing });
    if (!isFinal(step.status)) pages.keepOn();
    return pages.box;
  };
  return { ...names, sign: [step.status, step.attempt], make };
}

class Pages {
  constructor(address, options) {
    Object.assign(this, options, { address, cursor: null, next: null, last: [] });
    this.list = el("ol", { class: "paged", tabindex: "0", "aria-label": options.title });
    this.more = el("button", { class: "button button-small", type: "button", hidden: true }, "Show more");
    this.error = el("p", { class: "field-error", role: "alert" });
    this.box = el("div", { class: "stack paged-box" }, options.many && this.chooser(), this.list, this.error, this.more);
    this.more.addEventListener("click", () => this.goOn());
    this.load();
  }

  /** Load the last page that is shown, again if it is there already. */
  async load() {
    const found = await this.read().catch((error) => this.refused(error));
    if (!found) return;
    this.error.textContent = "";
    const empty = !found.data.length && this.list.childElementCount === this.last.length;
    const lines = empty ? [el("li", { class: "muted" }, this.nothing)] : found.data.map(this.line);
    this.last.forEach((old) => old.remove());
    this.list.append(...lines);
    this.last = lines;
    this.next = found.nextCursor;
    if (!this.next && this.more === document.activeElement) this.list.focus();
    this.more.hidden = !this.next;
    this.more.textContent = "Show more";
  }

  /** Read a page; of only some lines as many pages as it takes to fill one. */
  async read() {
    const found = { data: [], nextCursor: this.cursor };
    const limit = this.wants ? MOST : this.limit;
    do {
      const query = new URLSearchParams({ limit, ...(found.nextCursor && { cursor: found.nextCursor }) });
      const { data, nextCursor } = await api(`${this.address}?${query}`, { quiet: true });
      found.data.push(...(this.wants ? data.filter(this.wants) : data));
      found.nextCursor = nextCursor;
    } while (this.wants && found.nextCursor && found.data.length < this.limit);
    return found;
  }

  /** Make the box that leaves out what did not fail. */
  chooser() {
    const box = el("input", { type: "checkbox" });
    box.addEventListener("change", async () => {
      this.wants = box.checked ? (item) => item.status === "failed" : null;
      this.cursor = null;
      this.last = [...this.list.children];
      box.disabled = true;
      await this.load();
      box.disabled = false;
      box.focus();
    });
    return el("label", { class: "check" }, box, "Only what failed");
  }

  /** Say why nothing came, and offer to ask again; what is shown stays. */
  refused(error) {
    this.error.textContent = error.message;
    this.more.textContent = "Try again";
    this.more.hidden = false;
  }

  goOn() {
    if (this.error.textContent) return this.load();
    this.cursor = this.next;
    this.last = [];
    return this.load();
  }

  /** While the step goes on, so does its last page. */
  keepOn() {
    const timer = setInterval(() => {
      if (!this.box.isConnected) clearInterval(timer);
      else if (!document.hidden && this.box.closest("details").open && !this.list.matches(":focus-within")) this.load();
    }, AGAIN_MS);
  }
}

function itemLine(item) {
  const text = item.error ?? JSON.stringify(item.output);
  const short = text.length > CUT ? `${text.slice(0, CUT)}…` : text;
  const index = el("span", { class: "num muted" }, `${item.index}`);
  const attempt = item.attempt > 1 && el("span", { class: "muted small" }, `attempt ${item.attempt}`);
  const line = el("span", { class: item.error ? "clip attempt-error" : "clip mono" }, short);
  if (item.error || text === short) return el("li", { class: "item" }, index, badge(item.status), attempt, line);
  const folded = el("details", {}, el("summary", { class: "item" }, index, badge(item.status), attempt, line));
  folded.addEventListener("toggle", () => {
    if (folded.open && folded.childElementCount === 1) folded.append(jsonView(item.output, { label: `Output of item ${item.index}` }));
  });
  return el("li", {}, folded);
}

function logLine({ at, level, message }) {
  const time = el("time", { class: "muted num", datetime: at, title: absolute(at) }, new Date(at).toLocaleTimeString());
  return el("li", { class: `log log-${level}` }, time, el("span", { class: "log-level" }, level), el("span", { class: "log-text" }, message));
}
