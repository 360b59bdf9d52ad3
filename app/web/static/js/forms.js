// Forms that go to the API as JSON, with its problems at their fields; buttons that pause and delete.
import { api, ApiError, keepUnsaved } from "./api.js";
import { ask } from "./dialogs.js";
import { el, icon, page } from "./dom.js";
import { readJson } from "./json-places.js";
import { live } from "./live.js";
import { toastNext } from "./toasts.js";

/** Let `act` do what a form is for; its ApiErrors are shown in the form, which cannot be sent twice meanwhile. */
export function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.busy !== undefined) return;
    form.dataset.busy = "";
    clearProblems(form);
    try {
      requireFilled(form);
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      showProblems(form, error);
    } finally {
      delete form.dataset.busy;
    }
  });
}

/** Keep what is typed into a form when the session ends. */
export function keepTyped(form) {
  let typed = false;
  form.addEventListener("input", () => { typed = true; });
  keepUnsaved(() => typed);
}

/** Give the field of a path, such as "verification.secret". */
export function fieldOf(form, path) {
  return [...form.querySelectorAll("[data-path]")].find((field) => field.dataset.path === path);
}

/** Read the JSON in a field; throw what the API would say of a text that is none. */
export function jsonOf(form, path) {
  const { value, fault } = readJson(fieldOf(form, path).value);
  if (!fault) return value;
  const line = fieldOf(form, path).value.slice(0, fault.at).split("\n").length;
  throw problem(path, `Line ${line}: ${fault.message}`);
}

/** Make a refusal of one field. */
export function problem(path, message) {
  return new ApiError(422, { detail: message, errors: [{ path, message }] });
}

/** Show a refusal: what names a field at that field, the rest above all. */
export function showProblems(form, error) {
  const rest = [];
  for (const { path, message } of error.problem.errors ?? []) {
    const field = fieldFor(form, path);
    const known = field && field.dataset.path === path;
    if (field && !field.closest("[hidden]")) showAt(field, known ? message : `${path}: ${message}`);
    else rest.push(path ? `${path}: ${message}` : message);
  }
  if (rest.length || !form.querySelector("[aria-invalid]")) {
    form.prepend(el("div", { class: "banner banner-danger", role: "alert", data: { problem: "" } },
      icon("alert"), el("div", {}, rest.length ? rest.map((text) => el("p", {}, text)) : error.message)));
  }
  form.querySelector("[aria-invalid]")?.focus();
}

/** Take away what showProblems showed. */
export function clearProblems(form) {
  form.querySelectorAll("[data-problem]").forEach((shown) => shown.remove());
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.setAttribute("aria-describedby", field.dataset.described);
    if (!field.dataset.described) field.removeAttribute("aria-describedby");
  }
}

/** data-toggle="schedules/…" turns on or off, data-delete="…" deletes after asking; `n` opens data-new. */
export function keepActions() {
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-toggle]");
    if (toggle) change(toggle, () => turn(toggle));
    const deleter = event.target.closest("[data-delete]");
    if (deleter) change(deleter, () => remove(deleter.dataset));
  });
}

/** Show the pill #news when an execution of this schedule or webhook appears. */
export function watchNews() {
  const pill = document.getElementById("news");
  if (!pill) return;
  const { field, id, newest } = pill.dataset; // ids of executions sort by their creation
  pill.href = location.pathname;
  live(`${page.api}/executions/stream`, {
    onExecution: (execution) => {
      if (execution[field] === id && execution.id > newest) pill.hidden = false;
    },
    onPoll: () => {},
  });
}

function requireFilled(form) {
  const errors = [...form.querySelectorAll("[data-path][required]")]
    .filter((field) => !field.closest("[hidden]") && !field.value.trim())
    .map((field) => ({ path: field.dataset.path, message: "Fill this in." }));
  if (errors.length) throw new ApiError(422, { detail: "Something is not filled in.", errors });
}

/** Give the field of a path or of what is around it: "input" for "input.orders[0]". */
function fieldFor(form, path) {
  for (let part = path; part; part = part.replace(/(^|\.)[^.[]*$|\[[^[]*$/, "")) {
    const found = fieldOf(form, part);
    if (found) return found;
  }
  return null;
}

function showAt(field, message) {
  const shown = document.getElementById(`${field.id}-error`);
  if (shown) {
    shown.append(el("span", {}, message));
    return;
  }
  const described = field.getAttribute("aria-describedby") ?? "";
  field.dataset.described = described;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${field.id}-error ${described}`.trim());
  field.after(el("p", { class: "field-error", id: `${field.id}-error`, data: { problem: "" } },
    icon("alert"), el("span", {}, message)));
}

async function change(button, act) {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  } finally {
    button.disabled = false;
  }
}

async function turn({ dataset }) {
  await api(dataset.toggle, { method: "PATCH", body: { enabled: dataset.enabled !== "true" } });
  location.reload();
}

async function remove({ title, text, then, ...dataset }) {
  if (!(await ask({ title, text, action: "Delete", danger: true }))) return;
  await api(dataset.delete, { method: "DELETE" });
  toastNext("Deleted.");
  location.assign(then);
}
