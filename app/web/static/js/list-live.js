// What happens while one looks: rows change in place, new ones wait behind a pill until one asks for them.
import { api, live, page } from "./app.js";
import { localize } from "./list-filters.js";
import { facts, isActive, readFacts, rowOf, rows, say, show } from "./list-rows.js";

const OVERVIEW_MS = 15_000;
const BANNER_MS = 1_000;
const ROWS = 50;
const MANY = 200;
const STATES = { live: "Live", polling: "Asking every 5 s", paused: "Paused", gone: "" };
const UNSTREAMED = ["status", "createdAfter", "createdBefore", "q"];
const REMEMBERED = 1_000;
const found = new Set();
const heard = new Map(); // the newest event of each execution, by id, with when it came
const renewal = { last: Promise.resolve(), waiting: 0 };
const overview = { timer: 0, pause: OVERVIEW_MS };

/** Follow the stream of this list. */
export function keepLive() {
  pill().addEventListener("click", (event) => {
    if (facts.cursor) return;
    event.preventDefault();
    refresh().then(() => rows()[0]?.focus());
  });
  if (document.querySelector("#list .banner-danger")) return; // filters that cannot be used: there is nothing to follow
  live(`${page.api}/executions/stream?${query(UNSTREAMED)}`, {
    onExecution: hear,
    onReset: () => sync(MANY),
    onState: (state) => {
      document.getElementById("live").textContent = STATES[state];
      if (state === "live") sync(ROWS);
    },
  });
  setInterval(() => waiting().has("queued") && renewOverview(), OVERVIEW_MS);
}

/** Render the list anew, as the server has it now; one at a time, so that no older answer is the last. */
export function refresh() {
  renewal.waiting += 1;
  renewal.last = renewal.last.then(renew).catch(() => {}).finally(() => { renewal.waiting -= 1; });
  return renewal.last;
}

async function renew() {
  const begun = performance.now();
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok || response.redirected) return location.reload();
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const { id: there } = document.activeElement;
  const focused = document.activeElement.closest("#list tr[data-execution-id]")?.dataset.executionId;
  for (const id of ["list", "overview"]) put(id, fresh.getElementById(id));
  const again = focused ? rowOf(focused) : document.getElementById(there); // no element has the empty id
  again?.focus({ preventScroll: true });
  readFacts(fresh);
  found.clear();
  showPill();
  for (const { execution, at } of heard.values()) if (at >= begun) take(execution);
  document.dispatchEvent(new Event("list:renewed"));
}

/** Put newly rendered elements into a place. */
function put(id, fresh) {
  localize(fresh);
  document.getElementById(id).replaceChildren(...fresh.childNodes);
}

/** Ask for what the list shows, for whatever was missed; rows that newer ones pushed out are asked for alone. */
async function sync(limit) {
  const begun = performance.now();
  const cursor = facts.cursor ? `&cursor=${encodeURIComponent(facts.cursor)}` : "";
  const quiet = { quiet: true };
  const answer = await api(`executions?limit=${limit}${cursor}&${query([])}`, quiet).catch(() => null);
  if (!answer) return;
  const told = new Set(answer.data.map((execution) => execution.id));
  for (const execution of answer.data) if (!(heard.get(execution.id)?.at >= begun)) take(execution);
  for (const row of rows()) {
    const { executionId, status } = row.dataset;
    if (told.has(executionId) || !isActive(status)) continue;
    const now = await api(`executions/${executionId}`, quiet).catch(() => null);
    if (now && row.isConnected) show(row, now);
  }
}

function query(without) {
  const wanted = Object.entries(facts.filters).filter(([name]) => !without.includes(name));
  return new URLSearchParams(wanted.map(([name, value]) => [name, String(value)])).toString();
}

function hear(execution) {
  heard.delete(execution.id);
  heard.set(execution.id, { execution, at: performance.now() });
  if (heard.size > REMEMBERED) heard.delete(heard.keys().next().value);
  take(execution);
}

function take(execution) {
  const row = rowOf(execution.id);
  if (row) {
    if (show(row, execution)) say(execution);
  } else if (isNew(execution)) found.add(execution.id);
  else found.delete(execution.id);
  showPill();
  renewOverviewSoon();
}

/** Tell whether an execution that is not shown would be, if the list were rendered now. */
function isNew({ id, status, createdAt }) {
  const { filters, cursor, goesOn, at } = facts;
  if (filters.q || filters.createdBefore) return false;
  if (filters.status && !filters.status.includes(status)) return false;
  if (filters.createdAfter && Date.parse(createdAt) < Date.parse(filters.createdAfter)) return false;
  if (cursor) return Date.parse(createdAt) > Date.parse(at);
  const last = rows().at(-1);
  return !goesOn || !last || id > last.dataset.executionId;
}

function pill() {
  return document.getElementById("pill");
}

function showPill() {
  if (found.size && !rows().length && !facts.cursor) {
    if (!renewal.waiting) refresh();
    return;
  }
  const text = `${found.size} new`;
  if (pill().textContent !== text) pill().textContent = text;
  pill().hidden = !found.size;
}

/** Wait until more has changed; not where a banner says what may be over. */
function renewOverviewSoon() {
  const pause = document.querySelector("#overview .banner") ? BANNER_MS : overview.pause;
  overview.timer ||= setTimeout(renewOverview, pause);
}

/** Give the reasons of what is shown and of what is behind the pill. */
function waiting() {
  const unseen = [...found].map((id) => heard.get(id)?.execution.reason ?? "");
  return new Set([...rows().map((row) => row.dataset.reason), ...unseen]);
}

/** Draw the histogram anew; where it takes long, less often. */
async function renewOverview() {
  clearTimeout(overview.timer);
  overview.timer = 0;
  if (document.hidden) return;
  const address = new URL(`${location.pathname}/overview${location.search}`, location.href);
  for (const reason of waiting()) address.searchParams.append("waiting", reason);
  const begun = performance.now();
  const response = await fetch(address, { cache: "no-store" }).catch(() => null);
  overview.pause = Math.max(OVERVIEW_MS, 20 * (performance.now() - begun));
  if (!response?.ok || response.redirected) return;
  put("overview", new DOMParser().parseFromString(await response.text(), "text/html").body);
}
