// Retries and children that came while one looked: lines as the server writes them.
import { api, badge, el, page, when } from "./app.js";

const MOST = 50;

/** Add lines for the retries and children that are not there yet. */
export function addRelated(execution) {
  add("retries", execution.retries);
  add("children", execution.children);
}

async function add(name, ids) {
  const card = document.getElementById(`related-${name}`);
  const known = new Set([...card.querySelectorAll("[data-related]")].map((line) => line.dataset.related));
  const fresh = ids.slice(-MOST).filter((id) => !known.has(id));
  const workspace = page.api.replace(/\/spaces\/.*/, "");
  for (const id of fresh) {
    const found = await api(`${workspace}/executions/${id}`, { quiet: true }).catch(() => null);
    if (!found || card.querySelector(`[data-related="${id}"]`)) continue;
    card.querySelector("ul").prepend(line(found));
    card.hidden = false;
  }
}

function line(found) {
  const name = [`${found.workflowName} `, el("code", {}, found.id.slice(-8))];
  const href = `/spaces/${found.spaceId}/executions/${found.id}`;
  return el("li", { data: { related: found.id } },
    badge(found.status, found.reason),
    found.spaceId ? el("a", { href, title: found.id }, name) : el("span", {}, name),
    el("span", { class: "muted small" }, when(found.createdAt)));
}
