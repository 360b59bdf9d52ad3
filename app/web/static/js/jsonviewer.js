// A JSON value as a tree: fold, search, copy a path or a value; or as its text. Needs detail.css.
import { copyButton, el, fill, icon } from "./dom.js";

const CHUNK = 100; // lines that an opened list shows at a time
const OPEN_LINES = 30; // about as many lines are open from the start
const LONG = 240;
const SMALL = 12; // below this many members there is no search
const MOST_FOUND = 1000;
const NAME = /^[A-Za-z_$][\w$]*$/;

/** Show a value; `path` is how expressions name it, such as "steps.fetch.output". */
export function jsonView(value, { path = "", label = "JSON" } = {}) {
  const text = () => JSON.stringify(value, null, 2);
  if (!isTree(value)) return el("div", { class: "json" }, plain(value), copyButton(textOf(value), `Copy: ${label}`));
  const tree = new Tree(value, path, label);
  const raw = el("pre", { class: "code json-raw", tabindex: "0", "aria-label": label, hidden: true });
  const toggle = el("button", { class: "button button-small", type: "button", "aria-pressed": "false" }, "Raw");
  toggle.addEventListener("click", () => {
    raw.hidden = !raw.hidden;
    tree.box.hidden = !raw.hidden;
    toggle.setAttribute("aria-pressed", String(!raw.hidden));
    if (!raw.hidden && !raw.textContent) raw.textContent = text();
  });
  const copyAll = copyButton("", `Copy: ${label}`);
  copyAll.addEventListener("pointerdown", () => { copyAll.dataset.copy = text(); });
  copyAll.addEventListener("focus", () => { copyAll.dataset.copy = text(); });
  const small = sizeOf(value, SMALL) < SMALL;
  const bar = el("div", { class: "json-bar" }, !small && tree.search, el("span", { class: "push row" }, toggle, copyAll));
  return el("div", { class: small ? "json json-small" : "json" }, bar, tree.box, raw);
}

/** Count the members of a value, no further than `most`. */
function sizeOf(value, most) {
  if (!isContainer(value)) return 1;
  let count = 0;
  for (const member of Object.values(value)) {
    count += sizeOf(member, most - count);
    if (count >= most) return most;
  }
  return count + 1;
}

const isContainer = (value) => value !== null && typeof value === "object";
const isTree = (value) => isContainer(value) && Object.keys(value).length > 0;
const textOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function plain(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return el("pre", { class: `code code-wrap json-plain json-${kindOf(value)}`, tabindex: "0" }, text === "" ? "(empty text)" : text);
}

function kindOf(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Lines are siblings with a level each; opening puts a line's children after it, folding removes them. */
class Tree {
  constructor(value, path, label) {
    this.base = path;
    this.term = "";
    this.found = [];
    this.lines = el("div", { class: "json-tree", role: "tree", "aria-label": label });
    this.where = el("div", { class: "json-where" });
    this.box = el("div", {}, this.lines, this.where);
    this.makeSearch(label);
    this.root = { key: null, value, parent: null, level: 0 };
    this.lines.append(...this.children(this.root, 0));
    this.openSome();
    this.lines.firstElementChild?.setAttribute("tabindex", "0");
    this.lines.addEventListener("click", (event) => this.onClick(event));
    this.lines.addEventListener("keydown", (event) => this.onKey(event));
    this.lines.addEventListener("focusin", (event) => this.select(event.target.closest(".json-line")));
  }

  makeSearch(label) {
    this.count = el("span", { class: "small muted num", role: "status" });
    const input = el("input", { type: "search", placeholder: "Search", "aria-label": `Search in ${label}`, spellcheck: "false" });
    input.addEventListener("input", () => this.find(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.go(event.shiftKey ? -1 : 1);
    });
    this.search = el("label", { class: "input-search json-search" }, icon("search"), input, this.count);
  }

  /** Make the lines of a node's children from a position on, with one that shows more. */
  children(node, from) {
    const keys = Array.isArray(node.value) ? null : Object.keys(node.value);
    const count = keys ? keys.length : node.value.length;
    const made = [];
    for (let i = from; i < Math.min(count, from + CHUNK); i += 1) {
      const key = keys ? keys[i] : i;
      made.push(this.line({ key, value: node.value[key], parent: node, level: node.level + 1 }));
    }
    if (count > from + CHUNK) made.push(this.moreLine(node, from + CHUNK, count));
    return made;
  }

  line(node) {
    const { key, value, level } = node;
    const opens = isTree(value) || (typeof value === "string" && value.length > LONG);
    const line = el("div", {
      class: "json-line", role: "treeitem", tabindex: "-1", "aria-level": level, "aria-selected": "false",
      "aria-expanded": opens ? "false" : null,
    },
      el("span", { class: typeof key === "number" ? "json-index" : "json-key" }, String(key)), ": ",
      el("span", { class: `json-${kindOf(value)}` }, shown(value)));
    line.style.setProperty("--level", level - 1);
    line.node = node;
    line.classList.toggle("json-hit", this.fits(node));
    return line;
  }

  moreLine(node, from, count) {
    const line = el("div", { class: "json-line json-more", role: "treeitem", tabindex: "-1", "aria-level": node.level + 1 },
      `Show ${Math.min(CHUNK, count - from)} of ${count - from} more`);
    line.style.setProperty("--level", node.level);
    line.node = { key: null, value: undefined, parent: node, level: node.level + 1 };
    line.more = () => {
      const made = this.children(node, from);
      line.replaceWith(...made);
      return made[0];
    };
    return line;
  }

  openSome() {
    let line = this.lines.firstElementChild;
    while (line && this.lines.childElementCount < OPEN_LINES) {
      if (isTree(line.node.value) && Object.keys(line.node.value).length < OPEN_LINES) this.open(line);
      line = line.nextElementSibling;
    }
  }

  open(line) {
    if (line.getAttribute("aria-expanded") !== "false") return;
    line.setAttribute("aria-expanded", "true");
    if (isTree(line.node.value)) line.after(...this.children(line.node, 0));
    else line.lastElementChild.textContent = JSON.stringify(line.node.value);
  }

  fold(line) {
    if (line.getAttribute("aria-expanded") !== "true") return;
    line.setAttribute("aria-expanded", "false");
    if (!isTree(line.node.value)) line.lastElementChild.textContent = shown(line.node.value);
    while (line.nextElementSibling?.node.level > line.node.level) line.nextElementSibling.remove();
  }

  toggle(line) {
    if (line.more) this.focus(line.more());
    else if (line.getAttribute("aria-expanded") === "true") this.fold(line);
    else this.open(line);
  }

  onClick(event) {
    const line = event.target.closest(".json-line");
    if (!line || String(getSelection())) return;
    this.focus(line);
    this.toggle(line);
  }

  onKey(event) {
    const line = event.target.closest(".json-line");
    const isOpen = line?.getAttribute("aria-expanded") === "true";
    const acts = {
      ArrowDown: () => this.focus(line.nextElementSibling),
      ArrowUp: () => this.focus(line.previousElementSibling),
      ArrowRight: () => (isOpen || line.more ? this.focus(line.nextElementSibling) : this.open(line)),
      ArrowLeft: () => (isOpen ? this.fold(line) : this.focus(this.lineOf(line.node.parent))),
      Home: () => this.focus(this.lines.firstElementChild),
      End: () => this.focus(this.lines.lastElementChild),
      Enter: () => this.toggle(line),
      " ": () => this.toggle(line),
    };
    if (!line || !acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  focus(line) {
    line?.focus();
  }

  lineOf(node) {
    return [...this.lines.children].find((line) => line.node === node && !line.more) ?? null;
  }

  select(line) {
    if (!line || line === this.selected) return;
    this.lines.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    this.selected?.setAttribute("aria-selected", "false");
    line.setAttribute("tabindex", "0");
    line.setAttribute("aria-selected", "true");
    this.selected = line;
    if (line.more) return;
    const path = this.pathOf(line.node);
    fill(this.where, el("code", { class: "clip", title: path }, path),
      el("button", { class: "button button-small", type: "button", data: { copy: path } }, "Copy path"),
      copyValue(line.node.value));
  }

  pathOf(node) {
    if (!node.parent) return this.base;
    const before = this.pathOf(node.parent);
    if (typeof node.key === "number") return `${before}[${node.key}]`;
    if (NAME.test(node.key)) return before ? `${before}.${node.key}` : node.key;
    return `${before}[${JSON.stringify(node.key)}]`;
  }

  fits({ key, value }) {
    if (!this.term) return false;
    if (String(key).toLowerCase().includes(this.term)) return true;
    return value !== undefined && !isContainer(value) && String(value).toLowerCase().includes(this.term);
  }

  find(text) {
    this.term = text.toLowerCase();
    this.found = [];
    this.at = -1;
    if (this.term) this.collect(this.root.value, []);
    for (const line of this.lines.children) line.classList.toggle("json-hit", this.fits(line.node));
    this.go(1);
  }

  collect(value, trail) {
    for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
      if (this.found.length >= MOST_FOUND) return;
      const way = [...trail, key];
      if (this.fits({ key, value: value[key] })) this.found.push(way);
      if (isContainer(value[key])) this.collect(value[key], way);
    }
  }

  go(by) {
    this.lines.querySelector(".json-now")?.classList.remove("json-now");
    const count = this.found.length;
    if (!count) {
      this.count.textContent = this.term ? "nothing" : "";
      return;
    }
    this.at = (this.at + by + count) % count;
    this.count.textContent = `${this.at + 1} of ${count}${count === MOST_FOUND ? "+" : ""}`;
    const line = this.reveal(this.found[this.at]);
    line.classList.add("json-now");
    this.select(line);
    line.scrollIntoView({ block: "nearest" });
  }

  /** Open all lines on the way to a place, and give its line. */
  reveal(way) {
    let line = null;
    way.forEach((key, depth) => {
      if (line) this.open(line);
      let next = line ? line.nextElementSibling : this.lines.firstElementChild;
      while (next.node.level !== depth + 1 || next.more || next.node.key !== key) {
        next = next.more && next.node.level === depth + 1 ? next.more() : next.nextElementSibling;
      }
      line = next;
    });
    return line;
  }
}

function copyValue(value) {
  const button = el("button", { class: "button button-small", type: "button" }, "Copy value");
  const set = () => { button.dataset.copy = typeof value === "string" ? value : JSON.stringify(value, null, 2); };
  button.addEventListener("pointerdown", set);
  button.addEventListener("focus", set);
  return button;
}

function shown(value) {
  if (Array.isArray(value)) return value.length ? `[${counted(value.length, "item")}]` : "[]";
  if (isContainer(value)) return isTree(value) ? `{${counted(Object.keys(value).length, "key")}}` : "{}";
  if (typeof value === "string" && value.length > LONG) return `${JSON.stringify(value.slice(0, LONG))}…`;
  return JSON.stringify(value);
}

function counted(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
