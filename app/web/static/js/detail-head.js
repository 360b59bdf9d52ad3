// The head of an execution's page: its status, times and what went wrong.
import { badge, el, fill, icon, took, vocabulary, when } from "./app.js";

const LIVE = { live: "Live", polling: "Asking every 5 s", paused: "Paused", gone: "It is gone: load the page again" };

export class Head {
  constructor(detail) {
    this.detail = detail;
    this.notices = document.getElementById("notices");
  }

  update() {
    const { execution: now, ended } = this.detail;
    const since = (from) => (ended ? null : from);
    this.set("badge", [now.status, now.reason], () => badge(now.status, now.reason));
    this.set("why", [now.status, now.reason, now.error], () => (now.error || now.status === "failed" ? "" : vocabulary.reasons[now.reason] ?? ""));
    this.set("queued", [now.startedAt, now.reason, ended], () => took(queuedMs(now), now.reason === "delayed" ? null : since(dueAt(now))));
    this.set("started", [now.startedAt], () => when(now.startedAt));
    this.set("duration", [now.startedAt, now.durationMs, ended], () => took(now.durationMs, since(now.startedAt)));
    this.set("steps", [now.stepsDone, now.stepsTotal], () => `${now.stepsDone} of ${now.stepsTotal}`);
    this.say(now.status);
    this.setTakeovers(now.takeovers);
    this.setNotices(now);
  }

  /** Write a fact anew if what it is made of changed. */
  set(name, parts, make) {
    this.known ??= {};
    const sign = JSON.stringify(parts);
    if (this.known[name] === sign) return;
    this.known[name] = sign;
    document.querySelectorAll(`[data-fact="${name}"]`).forEach((place) => fill(place, make()));
  }

  /** Say to a screen reader what became of the execution while one looks. */
  say(status) {
    if (this.said && this.said !== status) document.getElementById("said").textContent = `Execution: ${vocabulary.statuses[status].label.toLowerCase()}`;
    this.said = status;
  }

  setTakeovers(takeovers) {
    const place = document.querySelector("[data-fact=takeovers]");
    place.hidden = !takeovers;
    place.querySelector("dd").textContent = takeovers;
  }

  setNotices(now) {
    const failed = now.status === "failed" ? this.detail.failed : null;
    const waiting = this.detail.steps.filter((step) => step.type === "waitForSignal" && step.status === "waiting");
    const sign = JSON.stringify([now.status, now.reason, now.error, failed?.stepId, waiting.map((step) => step.stepId)]);
    if (sign === this.noticed) return;
    this.noticed = sign;
    fill(this.notices,
      (now.error || now.status === "failed") && errorBanner(now, failed),
      waiting.map((step) => banner("info", "info", el("p", {}, "It waits for a signal: ", toStep(step.stepId, step.stepId)))));
  }

  showLive(state) {
    document.querySelectorAll("[data-fact=live]").forEach((place) => {
      place.hidden = !state;
      place.dataset.state = state ?? "";
      place.textContent = LIVE[state] ?? "";
    });
  }
}

function errorBanner(now, failed) {
  const isFailed = now.status === "failed";
  return banner(isFailed ? "danger" : "warning", isFailed ? "alert" : "warning",
    el("p", {}, el("strong", {}, vocabulary.reasons[now.reason] ?? "It failed.")),
    now.error && el("p", { class: "detail-error", tabindex: "0" }, now.error),
    failed && el("p", {}, toStep(failed.stepId, `Go to the failed step ${failed.stepId}`)));
}

function banner(kind, iconName, ...children) {
  const role = kind === "danger" ? "alert" : null;
  return el("div", { class: `banner banner-${kind}`, role }, icon(iconName), el("div", {}, children));
}

function toStep(stepId, text) {
  return el("a", { href: `?step=${stepId}`, data: { choose: stepId } }, text);
}

function queuedMs(now) {
  return now.startedAt ? Math.max(0, Date.parse(now.startedAt) - Date.parse(dueAt(now))) : null;
}

/** Tell since when it may begin. */
function dueAt({ createdAt, runAt }) {
  return runAt && Date.parse(runAt) > Date.parse(createdAt) ? runAt : createdAt;
}
