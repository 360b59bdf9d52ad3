// Webhooks: the form by scheme, secrets that are shown once, deliveries and redelivering.
import { api, ApiError, copyButton, el, fill, shortcut, toastNext } from "./app.js";
import { fieldOf, keepActions, keepTyped, onSubmit } from "./forms.js";
import { keepTableKeys } from "./row-keys.js";
import { watchDeliveries } from "./webhook-news.js";

const OPTIONS = { basic: ["username"], hmac: ["header", "prefix", "algorithm", "encoding"] };
const here = location.pathname.replace(/\/webhooks.*/, "/webhooks");
const form = document.getElementById("webhook-form");
const rotate = document.getElementById("rotate-form");

keepActions();
watchDeliveries();
keepTableKeys("webhooks");
const create = document.querySelector("[data-new]");
if (create) shortcut("n", "New webhook", () => create.click());
for (const place of document.querySelectorAll("[data-with-origin]")) {
  place.textContent = place.textContent.replace("{origin}", location.origin);
}
for (const copier of document.querySelectorAll("[data-copy-url]")) {
  copier.dataset.copy = location.origin + copier.dataset.copyUrl;
}
if (form) begin();
if (rotate) onSubmit(rotate, turnSecret);
document.addEventListener("click", onClick);
document.getElementById("deliveries")?.addEventListener("toggle", ({ target }) => target.open && load(target), true);

function begin() {
  const scheme = fieldOf(form, "verification.scheme");
  const before = scheme.value;
  const fit = () => {
    form.querySelectorAll("[data-for]").forEach((part) => { part.hidden = part.dataset.for !== scheme.value; });
    const another = !form.dataset.id || scheme.value !== before;
    form.querySelector("[data-secret]").hidden = scheme.value === "none" || !another;
  };
  scheme.addEventListener("change", fit);
  fit();
  onSubmit(form, save);
  keepTyped(form);
}

async function save() {
  const body = Object.fromEntries(["name", "workflowId", "respond"].map((name) => [name, fieldOf(form, name).value.trim()]));
  const id = form.dataset.id;
  body.verification = verification();
  const made = await api(id ? `webhooks/${id}` : "webhooks", { method: id ? "PATCH" : "POST", body, quiet: true });
  if (made.secret) await showSecret(made.secret);
  else if (id) toastNext("Saved.");
  location.assign(`${here}/${made.id}`);
}

function verification() {
  const value = (name) => fieldOf(form, `verification.${name}`).value;
  const scheme = value("scheme");
  const found = Object.fromEntries((OPTIONS[scheme] ?? []).map((name) => [name, value(name)]));
  const secret = form.querySelector("[data-secret]").hidden ? "" : value("secret");
  return { scheme, ...found, ...(secret && { secret }) };
}

async function turnSecret() {
  const secret = fieldOf(rotate, "secret").value;
  const keepOldSeconds = Number(fieldOf(rotate, "keepOldSeconds").value);
  const body = { keepOldSeconds, ...(secret && { secret }) };
  const id = document.getElementById("webhook").dataset.id;
  const made = await api(`webhooks/${id}/rotate`, { method: "POST", body, quiet: true });
  rotate.reset();
  document.getElementById("rotate").close();
  await showSecret(made.secret);
}

/** Show a secret until its reader says that it is kept; Escape does not close it. */
function showSecret(secret) {
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "secret-title" },
    el("form", { method: "dialog", class: "stack" },
      el("h2", { id: "secret-title" }, "Copy the secret now"),
      el("p", {}, "Give it to the sender. It is shown this one time; later it can only be rotated."),
      el("div", { class: "code-box" }, el("pre", { class: "code code-wrap", id: "secret-text" }, secret),
        copyButton(secret, "Copy the secret")),
      el("div", { class: "dialog-actions" },
        el("button", { class: "button button-primary", autofocus: true }, "I have kept it"))));
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}

function onClick({ target }) {
  const again = target.closest("[data-redeliver]");
  if (again) redeliver(again);
}

async function redeliver(button) {
  const id = document.getElementById("webhook").dataset.id;
  button.disabled = true;
  try {
    const { executionId } = await api(`webhooks/${id}/deliveries/${button.dataset.redeliver}/redeliver`, { method: "POST" });
    const href = `${here.replace(/webhooks$/, "executions")}/${executionId}`;
    button.after(el("a", { class: "button button-small", href, data: { again: "" } }, "To the new execution"));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  } finally {
    button.disabled = false;
  }
}

/** Read what a delivery brought when it is opened first. */
async function load(details) {
  const place = details.querySelector("[data-content]");
  if (place.dataset.loaded !== undefined) return;
  place.dataset.loaded = "";
  const id = document.getElementById("webhook").dataset.id;
  try {
    fill(place, contents(await api(`webhooks/${id}/deliveries/${details.dataset.deliveryId}`, { quiet: true })));
  } catch (error) {
    delete place.dataset.loaded;
    fill(place, el("p", { class: "muted" }, error.message));
  }
}

function contents({ headers, query, body }) {
  return [
    named("Headers", headers),
    named("Query", query),
    body === null
      ? el("p", { class: "muted" }, "Only the body of an accepted delivery is kept.")
      : el("div", { class: "field" }, el("h3", {}, "Body"), el("div", { class: "code-box" },
        el("pre", { class: "code code-wrap", data: { body: "" } }, laidOut(body)), copyButton(body, "Copy the body"))),
  ];
}

function named(title, members) {
  const pairs = Object.entries(members);
  if (!pairs.length) return null;
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  return el("div", { class: "field" }, el("h3", {}, title), el("dl", { class: "pairs" },
    pairs.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, text(value))])));
}

function laidOut(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body || "(empty)";
  }
}
