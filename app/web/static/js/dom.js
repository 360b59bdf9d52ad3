// Elements made without HTML, so that nobody's text can run; and what the page says about itself.

const meta = (name) => document.querySelector(`meta[name="${name}"]`);

/** What the page tells its scripts: the CSRF token, the API's address for this place, the visitor's role. */
export const page = {
  get csrf() { return meta("csrf-token")?.content ?? ""; },
  set csrf(token) { meta("csrf-token").content = token; },
  get api() { return meta("api")?.content ?? ""; },
  get role() { return meta("api")?.dataset.role ?? ""; },
  may(role) {
    const order = ["admin", "editor", "operator", "viewer"];
    return order.includes(this.role) && order.indexOf(this.role) <= order.indexOf(role);
  },
};

/** Words and icons of statuses, reasons and triggers, as the server has them. */
export const vocabulary = JSON.parse(document.getElementById("vocabulary").textContent);

/**
 * Make an element: el("a", {href, class: "name", data: {stepId}, onclick}, "text", child, …).
 * Texts become text nodes; null, undefined and false children and properties are left out.
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Make an icon of the sprite. */
export function icon(name, className = "") {
  const use = svg("use", { href: `${meta("sprite").content}#${name}` });
  return svg("svg", { class: `icon ${className}`.trim(), "aria-hidden": "true", focusable: "false" }, use);
}

/** Make the badge of a status; the macro `badge` makes the same. */
export function badge(status, reason = null) {
  const known = vocabulary.statuses[status] ?? { label: status, icon: "clock" };
  const title = reason ? vocabulary.reasons[reason] ?? reason : null;
  return el("span", { class: `badge badge-${status}`, title }, icon(known.icon), el("span", {}, known.label));
}

/** Make a button that copies a text. */
export function copyButton(text, label = "Copy") {
  return el("button", { class: "copy", type: "button", data: { copy: text }, "aria-label": label, title: label }, icon("copy"));
}

/** Put other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter(Boolean));
  return element;
}
