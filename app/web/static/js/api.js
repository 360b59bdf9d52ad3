// Requests to the API in the visitor's session.
import { page } from "./dom.js";
import { toast } from "./toasts.js";

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
  let response;
  try {
    response = await fetch(url, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The server cannot be reached: check the connection and try again." });
  }
  if (response.ok) return response;
  if (response.status === 401) toLogin();
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, problem);
}

/** Go to the log-in, which leads back here. */
export function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}
