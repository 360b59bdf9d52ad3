// One workflow: its definition in the editor with marks and graph, saving, running, renaming.
import { keepUnsaved } from "./api.js";
import { api, ApiError, ask, el, fill, icon, page, toast } from "./app.js";
import { Editor } from "./editor.js";
import { fieldOf, keepActions, onSubmit, problem } from "./forms.js";
import { drawGraph } from "./graph.js";
import { placeOf, readJson } from "./json-places.js";
import { runDialog } from "./run.js";

const PAUSE_MS = 300;
const root = document.getElementById("workflow");
const { id, space } = root.dataset;
const state = document.getElementById("editor-state");
const faults = document.getElementById("faults");
const graph = document.getElementById("graph");
const save = document.getElementById("save");
const editor = new Editor(document.getElementById("editor"), onChange);

let saved = root.dataset.restored === undefined ? editor.text : null;
let tag = `"${root.dataset.revision}"`;
let read = readJson(editor.text);
let drawn = null;
let timer = 0;
let asking = new AbortController();

const isDirty = () => editor.text !== saved;

function onChange() {
  clearTimeout(timer);
  if (save) save.disabled = Boolean(id) && !isDirty();
  timer = setTimeout(check, PAUSE_MS);
}

/** Mark what is wrong with the text: its JSON here, the definition by the API. */
async function check() {
  clearTimeout(timer);
  asking.abort();
  asking = new AbortController();
  read = readJson(editor.text);
  if (read.fault) return show([{ path: "", at: read.fault.at, message: read.fault.message }], []);
  draw();
  try {
    const options = { method: "POST", body: { definition: read.value }, quiet: true, signal: asking.signal };
    const verdict = await api("workflows/validate", options);
    return show(verdict.errors, verdict.warnings);
  } catch (error) {
    if (error instanceof ApiError) refused(error);
    else if (error.name !== "AbortError") throw error;
    return undefined;
  }
}

function refused(error) {
  if (error.problem.errors) show(error.problem.errors.map(inside), []);
  else {
    state.dataset.state = "unknown";
    fill(state, icon("warning"), el("span", {}, `Not checked: ${error.message} `, error.status === 401 && logIn()));
  }
}

function logIn() {
  return el("a", { href: "/login", target: "_blank", rel: "noopener" }, "Log in");
}

/** Take the name of the body's member off a path. */
function inside({ path, message }) {
  return { path: path.replace(/^definition\.?/, ""), message };
}

function draw() {
  const text = JSON.stringify(read.value);
  if (text === drawn) return;
  drawn = text;
  drawGraph(graph, read.value, {}, { onChoose: chooseStep });
}

function chooseStep(stepId) {
  const index = (read.value?.steps ?? []).findIndex((step) => step?.id === stepId);
  if (index >= 0) editor.goTo(placeOf(read.places, `steps[${index}]`));
}

function show(errors, warnings) {
  const marks = [...errors.map(marked("error")), ...warnings.map(marked("warning"))];
  editor.mark(marks);
  faults.replaceChildren(...marks.map(line));
  state.dataset.state = errors.length ? "wrong" : "valid";
  fill(state, ...summary(errors.length, warnings.length));
}

function marked(kind) {
  return (fault) => {
    const at = fault.at ?? placeOf(read.places, fault.path);
    return { ...fault, kind, at, line: editor.lineOf(at) };
  };
}

function line({ kind, path, message, at, line: number }) {
  return el("li", {}, el("button", { type: "button", class: `fault fault-${kind}`, onclick: () => editor.goTo(at) },
    icon(kind === "error" ? "alert" : "warning"),
    el("span", { class: "for-readers" }, kind === "error" ? "Fault: " : "Warning: "),
    el("span", { class: "num" }, `line ${number}`),
    path && el("code", {}, path),
    el("span", {}, message)));
}

function summary(errors, warnings) {
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  if (errors) return [icon("alert"), ` ${count(errors, "fault")}`];
  if (warnings) return [icon("warning"), ` Valid, ${count(warnings, "warning")}`];
  return [icon("check"), " Valid"];
}

/** Save the text; `match` is the revision that it started from. */
async function store(match = tag) {
  await check();
  if (read.fault) return editor.goTo(read.fault.at);
  const text = editor.text;
  const options = { method: "PATCH", body: { definition: read.value }, headers: { "If-Match": match } };
  const answer = await send(options);
  if (answer) {
    saved = text;
    save.disabled = !isDirty();
    toast(answer.version === Number(root.dataset.version) ? "Nothing differs: it stays this version." : `Saved as version ${answer.version}.`, "success");
    adopt(answer);
  }
  return undefined;
}

/** Change the workflow; null when it was refused, which is shown then. */
async function send(options) {
  try {
    const { data, response } = await api(`workflows/${id}`, { ...options, quiet: true, whole: true });
    tag = response.headers.get("ETag") ?? tag;
    return data;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 412) await conflict(options);
    else if (error.code === "invalid_definition") toast("Mend what is marked, then save.", "danger");
    else toast(error.message, "danger");
    return null;
  }
}

/** Say that somebody else saved meanwhile; write over it only when asked to. */
async function conflict(options) {
  const { data, response } = await api(`workflows/${id}`, { whole: true });
  const text = `It is at version ${data.version} now; you started from version ${root.dataset.version}. ` +
    "Your text is still here. Save it over theirs, or go back and copy yours before you load the page again.";
  const link = el("p", {}, el("a", { href: location.pathname, target: "_blank", rel: "noopener" }, "Look at theirs in another tab"));
  const over = await ask({ title: "Somebody else changed this workflow", text, action: "Save mine over it", danger: true, children: [link] });
  if (!over) return;
  tag = response.headers.get("ETag");
  if (options.body.definition === undefined) toast("Now repeat the change.");
  else await store();
}

function adopt(workflow) {
  root.dataset.version = workflow.version;
  document.getElementById("version").textContent = workflow.version;
  document.getElementById("name").textContent = workflow.name;
  document.getElementById("limit").textContent = workflow.maxConcurrency ?? "no limit";
  document.querySelectorAll("[data-version]").forEach((shown) => {
    if (shown !== root) shown.textContent = workflow.version;
  });
}

async function create() {
  await check();
  if (read.fault) return editor.goTo(read.fault.at);
  const body = { name: fieldOf(form, "name").value.trim(), definition: read.value };
  try {
    const made = await api("workflows", { method: "POST", body, quiet: true });
    saved = editor.text;
    location.assign(`${space}/workflows/${made.id}`);
  } catch (error) {
    if (error.code === "invalid_definition") toast("Mend what is marked, then create it.", "danger");
    else throw error;
  }
  return undefined;
}

const form = document.getElementById("new");
if (form) {
  onSubmit(form, create);
  save.addEventListener("click", () => form.requestSubmit());
  form.noValidate = true;
} else {
  save?.addEventListener("click", () => store());
}

const settings = document.getElementById("settings-form");
if (settings) {
  onSubmit(settings, async () => {
    const limit = fieldOf(settings, "maxConcurrency").value;
    const body = { name: fieldOf(settings, "name").value.trim(), maxConcurrency: limit === "" ? null : Number(limit) };
    if (!Number.isInteger(body.maxConcurrency ?? 1)) throw problem("maxConcurrency", "Must be a whole number.");
    const options = { method: "PATCH", body, quiet: true, whole: true };
    const { data, response } = await api(`workflows/${id}`, options);
    tag = response.headers.get("ETag") ?? tag;
    adopt(data);
    document.getElementById("settings").close();
    toast("Saved.", "success");
  });
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s" && save) {
    event.preventDefault();
    if (!save.disabled) save.click();
  }
});
addEventListener("beforeunload", (event) => {
  if (page.may("editor") && isDirty()) event.preventDefault();
});
keepUnsaved(() => page.may("editor") && isDirty());
keepActions();
if (id) runDialog({ id, space, isDirty });
if (save && id) save.disabled = !isDirty();
check();
