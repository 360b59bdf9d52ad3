// Times as people read them: relative, in the reader's zone; durations that tick.
import { el } from "./dom.js";

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const ABSOLUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [30 * 86400, "day", 86400]];

/** Write a time relative to now ("3 min ago", "in 2 hr"); beyond 30 days its date. */
export function relative(iso, now = Date.now()) {
  const seconds = (Date.parse(iso) - now) / 1000;
  if (Math.abs(seconds) < 1.5) return "now";
  for (const [below, unit, size] of STEPS) {
    if (Math.abs(seconds) < below) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return DATE.format(Date.parse(iso));
}

/** Write a time in full, in the reader's zone. */
export function absolute(iso) {
  return ABSOLUTE.format(Date.parse(iso));
}

/** Write milliseconds as the server does: "340 ms", "4.2 s", "3 m 12 s". */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const [size, name, smaller, itsName] = ms >= 86_400_000 ? [86_400_000, "d", 3_600_000, "h"]
    : ms >= 3_600_000 ? [3_600_000, "h", 60_000, "m"] : [60_000, "m", 1000, "s"];
  return `${Math.floor(ms / size)} ${name} ${Math.floor((ms % size) / smaller)} ${itsName}`;
}

/** Make a <time> that stays relative. */
export function when(iso) {
  if (!iso) return el("span", { class: "muted" }, "–");
  return show(el("time", { datetime: iso, data: { relative: "" } }), Date.now());
}

/** Make a duration: fixed, or ticking since a time while `ms` is null. */
export function took(ms, since = null) {
  if (ms !== null && ms !== undefined) return el("span", { class: "num" }, duration(ms));
  if (!since) return el("span", { class: "muted" }, "–");
  return tick(el("span", { class: "num", data: { since } }), Date.now());
}

/** Write all times and ticking durations anew, and again each second while the page is seen. */
export function keepTimes() {
  const all = () => {
    if (document.hidden) return;
    const now = Date.now();
    document.querySelectorAll("time[data-relative]").forEach((time) => show(time, now));
    document.querySelectorAll("[data-since]").forEach((span) => tick(span, now));
  };
  all();
  setInterval(all, 1000);
  document.addEventListener("visibilitychange", all);
}

function show(time, now) {
  write(time, relative(time.dateTime, now));
  if (!time.title) time.title = absolute(time.dateTime);
  return time;
}

function tick(span, now) {
  const ms = Math.max(0, now - Date.parse(span.dataset.since));
  write(span, ms < 60_000 ? `${Math.floor(ms / 1000)} s` : duration(ms));
  return span;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
