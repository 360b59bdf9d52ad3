// Zooming the waterfall: a part of its time is chosen by dragging, by buttons or by keys.
import { duration } from "./times.js";

const SHORTEST_MS = 5;
const DRAGGED_PX = 5;
const FACTOR = 2;
const MARGIN = 0.1;

export class Zoom {
  /** Let `root` choose a part of `whole()`, a pair of milliseconds; `draw()` is called after each change. */
  constructor(root, whole, draw) {
    Object.assign(this, { root, whole, draw, part: null });
    this.axis = root.querySelector(".wf-axis");
    this.range = root.querySelector(".wf-range");
    this.shown = root.querySelector(".wf-shown");
    this.said = root.querySelector(".wf-said");
    this.buttons = root.querySelectorAll("[data-zoom]");
    this.buttons.forEach((button) => button.addEventListener("click", () => this[button.dataset.zoom]()));
    this.keepDragging();
    root.querySelector(".wf-zoom").hidden = false;
  }

  /** Give the part that is shown. */
  get view() {
    const [start, end] = this.whole();
    if (!this.part) return [start, end];
    return [Math.max(this.part[0], start), Math.min(this.part[1], end)];
  }

  in() { this.scale(1 / FACTOR); }
  out() { this.scale(FACTOR); }
  all() { this.show(null); }

  /** Show an earlier (-1) or later (1) part of the same length. */
  move(by) {
    if (!this.part) return;
    const [start, end] = this.whole();
    const [from, to] = this.view;
    const shift = Math.min(Math.max((by * (to - from)) / 2, start - from), end - to);
    this.show([from + shift, to + shift]);
  }

  /** Show what lies between two times, and a little around it. */
  fit(from, to) {
    const margin = Math.max(MARGIN * (to - from), SHORTEST_MS / 2);
    const [start, end] = this.whole();
    this.show([Math.max(from - margin, start), Math.min(to + margin, end)]);
  }

  scale(factor) {
    const [from, to] = this.view;
    const middle = (from + to) / 2;
    const half = Math.max((to - from) * factor, SHORTEST_MS) / 2;
    this.show([middle - half, middle + half]);
  }

  /** Show a part; one as long as the whole is the whole. */
  show(part) {
    const [start, end] = this.whole();
    const length = part ? Math.max(part[1] - part[0], SHORTEST_MS) : Infinity;
    const from = part && Math.min(Math.max(part[0], start), end - length);
    this.part = length < (end - start) * 0.999 ? [from, from + length] : null;
    this.draw();
    this.say();
  }

  /** Show by a thin bar where the part lies, and which buttons have nothing to do. */
  place() {
    const [start, end] = this.whole();
    const [from, to] = this.view;
    this.shown.hidden = !this.part;
    this.shown.style.left = `${(100 * (from - start)) / (end - start)}%`;
    this.shown.style.width = `${(100 * (to - from)) / (end - start)}%`;
    for (const button of this.buttons) {
      const useless = button.dataset.zoom === "in" ? end - start <= SHORTEST_MS || to - from <= SHORTEST_MS : !this.part;
      button.setAttribute("aria-disabled", String(useless));
    }
  }

  /** Tell screen readers what is shown now. */
  say() {
    const [start, end] = this.whole();
    const [from, to] = this.view.map((at) => duration(at - start));
    this.said.textContent = this.part ? `${from} to ${to} of ${duration(end - start)}` : `All of ${duration(end - start)}`;
  }

  keepDragging() {
    this.root.addEventListener("pointerdown", (event) => this.press(event));
    this.root.addEventListener("pointermove", (event) => this.drag(event));
    this.root.addEventListener("pointerup", (event) => this.drop(event));
    this.root.addEventListener("pointercancel", () => this.forget());
    this.root.addEventListener("dragstart", (event) => event.preventDefault());
    this.root.addEventListener("click", (event) => this.swallow(event), true);
  }

  press(event) {
    this.dragged = false;
    this.from = null;
    const { left, right } = this.axis.getBoundingClientRect();
    const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (event.button || !event.isPrimary || modified || event.target.closest("button")) return;
    if (event.clientX >= left && event.clientX <= right) this.from = event.clientX;
  }

  drag(event) {
    if (this.from === null || this.from === undefined) return;
    if (!this.dragged && Math.abs(event.clientX - this.from) < DRAGGED_PX) return;
    if (!this.dragged) this.root.setPointerCapture(event.pointerId);
    this.dragged = true;
    const [one, other] = this.shares(event);
    this.range.hidden = false;
    this.range.style.left = `${100 * one}%`;
    this.range.style.width = `${100 * (other - one)}%`;
  }

  drop(event) {
    if (this.dragged && this.from !== null) {
      const [from, to] = this.view;
      const [one, other] = this.shares(event);
      this.show([from + one * (to - from), from + other * (to - from)]);
    }
    this.forget();
  }

  forget() {
    this.from = null;
    this.range.hidden = true;
  }

  /** The click that ends a drag chooses no step. */
  swallow(event) {
    if (!this.dragged) return;
    this.dragged = false;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Give the ends of what is dragged as shares of the axis. */
  shares(event) {
    const { left, width } = this.axis.getBoundingClientRect();
    const share = (x) => Math.min(Math.max((x - left) / width, 0), 1);
    return [share(this.from), share(event.clientX)].sort((one, other) => one - other);
  }
}
