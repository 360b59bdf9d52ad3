// Schedules: the form with the next fires of its pattern beside it, pausing, deleting.
import { api, ApiError, el, fill, relative, shortcut, toastNext } from "./app.js";
import { fieldOf, jsonOf, keepActions, keepTyped, onSubmit, watchNews } from "./forms.js";
import { keepTableKeys } from "./row-keys.js";

const PAUSE_MS = 350;
const FIELDS = ["name", "workflowId", "cron", "timezone", "overlap", "catchUp"];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const form = document.getElementById("schedule-form");
const preview = document.getElementById("preview");
let timer = 0;
let asking = new AbortController();

keepActions();
watchNews();
keepTableKeys("schedules");
const create = document.querySelector("[data-new]");
if (create) shortcut("n", "New schedule", () => create.click());
if (form) begin();

function begin() {
  const zones = ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])];
  fill(document.getElementById("zones"), zones.map((name) => el("option", { value: name })));
  if (!fieldOf(form, "timezone").value) fieldOf(form, "timezone").value = HERE;
  for (const name of ["cron", "timezone"]) fieldOf(form, name).addEventListener("input", soon);
  onSubmit(form, save);
  keepTyped(form);
  show();
}

async function save() {
  const body = Object.fromEntries(FIELDS.map((name) => [name, fieldOf(form, name).value.trim()]));
  body.input = jsonOf(form, "input");
  const enabled = fieldOf(form, "enabled");
  if (enabled) body.enabled = enabled.checked;
  const id = form.dataset.id;
  const saved = await api(id ? `schedules/${id}` : "schedules", { method: id ? "PATCH" : "POST", body, quiet: true });
  if (id) toastNext("Saved.");
  location.assign(`${location.pathname.replace(/\/schedules\/.*/, "")}/schedules/${saved.id}`);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE_MS);
}

/** Ask when the pattern would fire; what cannot be a pattern yet is not asked about. */
async function show() {
  asking.abort();
  asking = new AbortController();
  const [cron, timezone] = ["cron", "timezone"].map((name) => fieldOf(form, name).value.trim());
  if (!cron.startsWith("@") && ![5, 6].includes(cron.split(/\s+/).length)) return say("A pattern has 5 fields, or 6 with seconds first.");
  try {
    const options = { method: "POST", body: { cron, timezone }, quiet: true, signal: asking.signal };
    const { data } = await api("schedules/preview", options);
    return fill(preview, table(data, timezone));
  } catch (error) {
    if (error instanceof ApiError) say((error.problem.errors ?? [error]).map(({ message }) => message).join(" "));
    else if (error.name !== "AbortError") throw error;
    return undefined;
  }
}

function say(text) {
  fill(preview, el("p", { class: "muted" }, text));
}

function table(fires, timezone) {
  const same = timezone === HERE;
  const head = [el("th", { scope: "col" }, `Your time (${HERE})`), !same && el("th", { scope: "col" }, timezone),
    el("th", { scope: "col", class: "end" }, "From now")];
  const timeStyle = fires.every(({ local }) => local.endsWith(":00")) ? "short" : "medium";
  const mine = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle });
  const theirs = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle, timeZone: "UTC" });
  return el("table", { class: "table" },
    el("thead", {}, el("tr", {}, head)),
    el("tbody", {}, fires.map((fire) => row(fire, mine, same ? null : theirs))));
}

function row({ at, local, offset }, mine, theirs) {
  return el("tr", { data: { at } },
    el("td", {}, el("time", { datetime: at }, mine.format(Date.parse(at)))),
    theirs && el("td", {}, `${theirs.format(Date.parse(`${local}Z`))} `, el("span", { class: "muted small" }, offset)),
    el("td", { class: "end muted" }, el("time", { datetime: at, data: { relative: "" } }, relative(at))));
}
