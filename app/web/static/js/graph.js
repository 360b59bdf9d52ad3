// A workflow's definition as a layered graph in SVG, coloured by the statuses of its steps. Needs graph.css.
import { icon, svg, vocabulary } from "./dom.js";
import { arranged, HEIGHT, WIDTH } from "./graph-layout.js";

const MOST_LETTERS = 20;
const TEXT_X = 36;
const SMALLEST = 0.85;

/**
 * Draw a definition, also one that is half written, into an element in place of what is there.
 * statuses: {stepId: status}; options: chosen (a step's id), onChoose(stepId) makes the steps buttons.
 * Gives {update(statuses), choose(stepId)}.
 */
export function drawGraph(container, definition, statuses = {}, options = {}) {
  const plan = arranged(definition);
  const nodes = new Map(plan.nodes.map((node) => [node.id, drawNode(node, options.onChoose)]));
  const count = plan.nodes.length;
  const picture = svg("svg", {
    class: "graph", width: plan.width, height: plan.height, viewBox: `0 0 ${plan.width} ${plan.height}`,
    role: options.onChoose ? "group" : "img", "aria-label": `Graph of ${count} ${count === 1 ? "step" : "steps"}`,
  }, ...drawLate(plan), ...plan.edges.map(drawEdge), ...nodes.values());
  picture.style.minWidth = `${SMALLEST * plan.width}px`; // a little too wide: drawn smaller, not cut off
  const first = !container.querySelector(".graph");
  container.replaceChildren(picture);
  const drawn = { update: (now) => nodes.forEach(colour(now)), choose: (id) => choose(container, nodes, id) };
  drawn.update(statuses);
  drawn.choose(options.chosen);
  if (first && !nodes.has(options.chosen)) reveal(container, nodes.values().next().value);
  return drawn;
}

function choose(container, nodes, id) {
  nodes.forEach(mark(id));
  reveal(container, nodes.get(id));
}

/** Scroll a graph that is larger than its place to a step that is out of sight; the page stays where it is. */
function reveal(container, node) {
  if (!node || !container.clientWidth) return;
  const [place, box] = [container.getBoundingClientRect(), node.getBoundingClientRect()];
  if (box.left < place.left || box.right > place.right) {
    container.scrollLeft += box.left + box.width / 2 - (place.left + place.width / 2);
  }
  if (box.top < place.top || box.bottom > place.bottom) {
    container.scrollTop += box.top + box.height / 2 - (place.top + place.height / 2);
  }
}

function drawNode(node, onChoose) {
  const { step, x, y } = node;
  const group = svg("g", { class: "node", transform: `translate(${x} ${y})` },
    titled(step.name ? `${step.id}: ${step.name}` : step.id),
    svg("rect", { class: "node-box", width: WIDTH, height: HEIGHT, rx: 7 }),
    svg("g", { class: "node-icon", transform: "translate(11 15)" }),
    svg("svg", { x: TEXT_X, width: WIDTH - TEXT_X - 6, height: HEIGHT }, // which cuts off what is too wide
      svg("text", { class: "node-id", y: 20 }, short(step.id)),
      svg("text", { class: "node-type", y: 36 }, short(kindOf(step)))));
  group.step = step;
  group.dataset.node = step.id;
  if (onChoose) {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.addEventListener("click", () => onChoose(step.id));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      onChoose(step.id);
    });
  }
  return group;
}

function titled(text) {
  return svg("title", {}, text);
}

function kindOf(step) {
  return [step.type, step.forEach && "for each", step.if && "if"].filter(Boolean).join(" · ");
}

function short(text) {
  const letters = [...String(text)];
  return letters.length > MOST_LETTERS ? `${letters.slice(0, MOST_LETTERS - 1).join("")}…` : letters.join("");
}

function drawEdge({ points }) {
  const [start, ...rest] = points;
  let path = `M${start.x} ${start.y}`;
  let before = start;
  for (const point of rest) {
    const middle = (before.y + point.y) / 2;
    path += point.x === before.x ? `V${point.y}` : `C${before.x} ${middle} ${point.x} ${middle} ${point.x} ${point.y}`;
    before = point;
  }
  return svg("path", { class: "edge", d: `${path}m-3.5 -5.5l3.5 5.5l3.5 -5.5` });
}

function drawLate({ lateY, width }) {
  if (lateY === null) return [];
  return [
    svg("path", { class: "late-line", d: `M0 ${lateY}H${width}` }),
    svg("text", { class: "late-text", x: 8, y: lateY - 6 }, "after all others"),
  ];
}

function colour(statuses) {
  return (group, id) => {
    const status = statuses[id] ?? null;
    if (group.dataset.is === String(status)) return;
    group.dataset.is = status;
    const known = status && (vocabulary.statuses[status] ?? { label: status, icon: "clock" });
    group.setAttribute("class", status ? `node node-${status}` : "node node-plain");
    const words = [id, kindOf(group.step), known && known.label].filter(Boolean).join(", ");
    if (group.hasAttribute("role")) group.setAttribute("aria-label", words);
    const place = group.querySelector(".node-icon");
    place.replaceChildren(...(known ? [sized(icon(known.icon))] : [svg("circle", { cx: 8, cy: 8, r: 4 })]));
  };
}

function sized(drawn) {
  drawn.setAttribute("width", 16);
  drawn.setAttribute("height", 16);
  return drawn;
}

function mark(chosen) {
  return (group, id) => {
    group.toggleAttribute("data-chosen", id === chosen);
    if (group.hasAttribute("role")) group.setAttribute("aria-pressed", String(id === chosen));
  };
}
