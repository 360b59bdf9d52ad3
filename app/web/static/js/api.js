// Requests to the API in the visitor's session.
import { page } from "./dom.js";
import { toast } from "./toasts.js";

const LOGGED_OUT = "You are logged out, and what you wrote is still here: log in again in another tab, then go on.";
let isUnsaved = () => false;

/** A refusal of the API: `problem` is its problem+json, `message` a sentence for people. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
    this.problem = problem;
  }
}

/**
 * Ask the API; give the parsed answer, null for 204. A path without a slash before it is below this
 * workspace and space: api("executions/bulk/cancel", {method: "POST", body: {…}}).
 * Options: method, body (sent as JSON), headers, signal, quiet (no toast), whole (give the Response too).
 * Throws ApiError; unless `quiet`, its sentence is shown first.
 */
export async function api(path, options = {}) {
  const { method = "GET", body, headers = {}, signal, quiet = false, whole = false } = options;
  const request = { method, signal, cache: "no-store", headers: { Accept: "application/json", ...headers } };
  if (method !== "GET") request.headers["X-CSRF-Token"] = page.csrf;
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  try {
    const response = await send(path.startsWith("/") ? path : `${page.api}/${path}`, request);
    const data = response.status === 204 ? null : await response.json();
    return whole ? { data, response } : data;
  } catch (error) {
    if (!quiet && error.name !== "AbortError") toast(error.message, "danger");
    throw error;
  }
}

async function send(url, request) {
  let response = await asked(url, request);
  if (response.status === 403 && request.method !== "GET" && (await renewToken())) {
    request.headers["X-CSRF-Token"] = page.csrf;
    response = await asked(url, request);
  }
  if (response.ok) return response;
  if (response.status === 401 && !toLogin()) throw new ApiError(401, { code: "unauthorized", detail: LOGGED_OUT });
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, problem);
}

async function asked(url, request) {
  try {
    return await fetch(url, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The server cannot be reached: check the connection and try again." });
  }
}

/** Take over the CSRF token of a log-in that happened in another tab; tell whether there is one. */
async function renewToken() {
  const response = await fetch("/", { cache: "no-store" }).catch(() => null);
  if (!response?.ok) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const token = fresh.querySelector('meta[name="csrf-token"]')?.content;
  if (token) page.csrf = token;
  return Boolean(token);
}

/** Let a page say whether it holds text that is not saved: it is not left for the log-in then. */
export function keepUnsaved(test) {
  isUnsaved = test;
}

/** Go to the log-in, which leads back here; stay, and give false, where unsaved text would be lost. */
export function toLogin() {
  if (isUnsaved()) return false;
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  return true;
}
