// A plain text editor: line numbers, Tab and Enter as one expects them in code, marks at lines.
import { el } from "./dom.js";

const INDENT = "  ";

/** Make the editor in `root` (a textarea with its columns); `onChange(text)` is called as one types. */
export class Editor {
  constructor(root, onChange) {
    this.area = root.querySelector("textarea");
    this.lines = root.querySelector(".editor-lines");
    this.bands = root.querySelector(".editor-bands");
    this.onChange = onChange;
    this.marks = [];
    this.count = 0;
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => this.align());
    this.area.addEventListener("keydown", (event) => this.onKey(event));
    this.area.addEventListener("blur", () => { this.leaving = false; });
    this.number();
  }

  get text() {
    return this.area.value;
  }

  set text(text) {
    this.area.value = text;
    this.changed();
  }

  /** Mark lines: [{line, kind: "error" | "warning"}], lines count from 1. */
  mark(marks) {
    this.marks = marks;
    this.draw();
  }

  /** Give the line of an offset. */
  lineOf(at) {
    return this.text.slice(0, at).split("\n").length;
  }

  /** Put the cursor at an offset and show its line. */
  goTo(at) {
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(at, at);
    this.area.scrollTop = (this.lineOf(at) - 4) * this.height;
    this.area.scrollLeft = 0;
    this.area.scrollIntoView({ block: "nearest" });
  }

  changed() {
    this.number();
    this.onChange(this.text);
  }

  number() {
    const count = this.text.split("\n").length;
    if (count === this.count) return;
    this.count = count;
    this.draw();
  }

  draw() {
    this.height = parseFloat(getComputedStyle(this.area).lineHeight);
    const kinds = new Map([...this.marks].reverse().map(({ line, kind }) => [line, kind]));
    const numbers = Array.from({ length: this.count }, (_, at) => numbered(at + 1, kinds.get(at + 1)));
    this.lines.style.width = `calc(${Math.max(2, String(this.count).length)}ch + 1.75rem)`;
    this.lines.replaceChildren(el("div", { class: "editor-numbers" }, numbers));
    this.bands.replaceChildren(el("div", {}, [...kinds].map(([line, kind]) => this.band(line, kind))));
    this.align();
  }

  band(line, kind) {
    const made = el("div", { class: `editor-band editor-band-${kind}` });
    made.style.top = `${(line - 1) * this.height}px`;
    return made;
  }

  /** Let numbers and bands stand where the text is scrolled to. */
  align() {
    const moved = `translateY(${-this.area.scrollTop}px)`;
    for (const column of [this.lines, this.bands]) column.firstElementChild.style.transform = moved;
  }

  onKey(event) {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (event.key === "Escape") this.leaving = true;
    else if (event.key === "Tab" && plain && !this.leaving && !this.area.readOnly) this.indent(event);
    else if (event.key === "Enter" && plain && !event.shiftKey && !this.area.readOnly) this.newLine(event);
    else if (event.key !== "Shift" && event.key !== "Tab") this.leaving = false;
  }

  indent(event) {
    event.preventDefault();
    const { selectionStart: start, selectionEnd: end } = this.area;
    if (start === end && !event.shiftKey) return this.insert(INDENT);
    const from = this.text.lastIndexOf("\n", start - 1) + 1;
    const old = this.text.slice(from, end);
    const changed = event.shiftKey ? old.replace(/^ {1,2}/gm, "") : old.replace(/^(?=.)/gm, INDENT);
    if (changed === old) return undefined;
    this.area.setSelectionRange(from, end);
    this.insert(changed);
    return this.area.setSelectionRange(from, from + changed.length);
  }

  newLine(event) {
    event.preventDefault();
    const before = this.text.slice(this.text.lastIndexOf("\n", this.area.selectionStart - 1) + 1, this.area.selectionStart);
    const deeper = /[[{]\s*$/.test(before) ? INDENT : "";
    this.insert(`\n${/^ */.exec(before)[0]}${deeper}`);
  }

  /** Write over what is selected, so that it can be undone where the browser has a way. */
  insert(text) {
    if (document.execCommand("insertText", false, text)) return;
    this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
    this.changed();
  }
}

function numbered(number, kind) {
  return el("span", { class: kind ? `editor-number-${kind}` : null }, String(number));
}
