// One stream of server-sent events a page. It is read with fetch rather than EventSource, so that a
// stream that was put away can go on with Last-Event-ID, and a refusal tells its status.
import { toLogin } from "./api.js";

const SILENT_MS = 45_000; // the server pings every 15 s
const HIDDEN_MS = 20_000;
const POLL_MS = 5_000;
const LONGEST_PAUSE_MS = 30_000;
const LASTING = [403, 404, 422]; // asking again would be answered the same

/**
 * Follow a stream. Handlers, each optional: onExecution(execution), onStep(step), onReset() when what is
 * shown must be loaded again, onPoll() every 5 s while there is no stream (else onReset is called),
 * onState("live" | "polling" | "paused" | "gone"). Gives a function that ends it.
 */
export function live(url, handlers) {
  return new Stream(url, handlers).start();
}

class Stream {
  constructor(url, handlers) {
    Object.assign(this, { url, handlers, lastId: null, failures: 0, opened: false, ended: false, timers: {} });
    this.control = new AbortController();
    this.onVisibility = () => (document.hidden ? this.pauseSoon() : this.goOn());
  }

  start() {
    document.addEventListener("visibilitychange", this.onVisibility);
    addEventListener("online", this.onVisibility);
    this.connect();
    return () => this.end();
  }

  end() {
    this.ended = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    removeEventListener("online", this.onVisibility);
    Object.values(this.timers).forEach(clearTimeout);
    this.control.abort();
  }

  pauseSoon() {
    this.later("hide", HIDDEN_MS, () => {
      this.paused = true;
      this.control.abort();
      clearTimeout(this.timers.retry);
      clearTimeout(this.timers.poll);
      this.say("paused");
    });
  }

  goOn() {
    clearTimeout(this.timers.hide);
    if (!this.paused && this.reading) return;
    this.paused = false;
    this.failures = 0;
    this.connect();
  }

  async connect() {
    clearTimeout(this.timers.retry);
    if (this.reading || this.ended) return;
    this.reading = true;
    this.control = new AbortController();
    try {
      await this.read();
    } catch (error) {
      if (error.name !== "AbortError" && error.status === undefined) this.failures += 1;
    } finally {
      this.reading = false;
      clearTimeout(this.timers.silence);
    }
    if (!this.ended && !this.paused) this.retry();
  }

  async read() {
    const headers = { Accept: "text/event-stream" };
    if (this.lastId) headers["Last-Event-ID"] = this.lastId;
    this.listen();
    const response = await fetch(this.url, { headers, cache: "no-store", signal: this.control.signal });
    if (!response.ok) return this.refused(response);
    this.failures = 0;
    clearTimeout(this.timers.poll);
    this.say("live");
    if (this.opened && !this.lastId) this.handlers.onReset?.();
    this.opened = true;
    for await (const event of events(response.body, () => this.listen())) this.take(event);
  }

  refused(response) {
    const isGone = LASTING.includes(response.status);
    if (isGone) this.say("gone");
    if (isGone || (response.status === 401 && toLogin())) this.end();
    this.failures += 1;
    this.pauseMs = 1000 * Number(response.headers.get("Retry-After") ?? 0);
  }

  /** End a connection from which nothing comes any more. */
  listen() {
    this.later("silence", SILENT_MS, () => this.control.abort());
  }

  take({ id, event, data }) {
    if (id) this.lastId = id;
    if (event === "reset") {
      this.lastId = id || null;
      this.handlers.onReset?.();
    } else if (event === "execution") this.handlers.onExecution?.(JSON.parse(data));
    else if (event === "step") this.handlers.onStep?.(JSON.parse(data));
  }

  retry() {
    const pause = Math.max(this.pauseMs ?? 0, Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.failures));
    this.pauseMs = 0;
    this.later("retry", pause * (0.75 + Math.random() / 2), () => this.connect());
    if (this.failures >= 2) this.poll();
  }

  poll() {
    this.say("polling");
    this.later("poll", POLL_MS, () => {
      (this.handlers.onPoll ?? this.handlers.onReset)?.();
      if (!this.ended && !this.paused) this.poll();
    });
  }

  say(state) {
    if (state === this.state) return;
    this.state = state;
    document.documentElement.dataset.live = state;
    this.handlers.onState?.(state);
  }

  later(name, ms, act) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(act, ms);
  }
}

/** Read events as the HTML standard says, enough for ours: id, event, data; comments only prove life. */
async function* events(body, onBytes) {
  let rest = "";
  for await (const text of pieces(body)) {
    onBytes();
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parsed(block);
      if (event) yield event;
    }
  }
}

async function* pieces(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function parsed(block) {
  const found = { id: "", event: "message", data: [] };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") found.data.push(value);
    else if (name === "id" || name === "event") found[name] = value;
  }
  if (!found.id && !found.data.length && found.event === "message") return null;
  return { ...found, data: found.data.join("\n") };
}
