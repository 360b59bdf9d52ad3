// What came to a webhook while one looks at it: refusals and repeats too, of which no stream tells.
import { live, page } from "./app.js";

const ASK_MS = 5_000;
const SOON_MS = 300;

/** Show the pill #news with what came since the page was rendered, or since one looks at an older part. */
export function watchDeliveries() {
  const pill = document.getElementById("news");
  if (pill) new News(pill).start();
}

class News {
  constructor(pill) {
    Object.assign(this, { pill, id: pill.dataset.webhook, known: null, asking: null, timer: 0 });
    this.path = `${location.pathname}/deliveries`;
    pill.href = location.pathname;
    if (new URLSearchParams(location.search).has("cursor")) return;
    const shown = document.querySelectorAll("[data-delivery-id]");
    this.known = new Map([...shown].map(({ dataset }) => [dataset.deliveryId, Number(dataset.count)]));
  }

  start() {
    live(`${page.api}/executions/stream?webhookId=${this.id}`, { onExecution: () => this.askIn(SOON_MS), onPoll: () => {} });
    document.addEventListener("visibilitychange", () => this.askIn(SOON_MS));
    this.askIn(this.known ? ASK_MS : 0);
  }

  askIn(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), ms);
  }

  async ask() {
    if (!document.hidden) {
      const response = await fetch(this.path, { cache: "no-store" }).catch(() => null);
      if (response?.redirected) return location.reload();
      if (response?.ok) this.take(await response.json());
    }
    return this.askIn(ASK_MS);
  }

  take({ newest, most }) {
    this.known ??= new Map(newest.map(({ id, count }) => [id, count]));
    const last = [...this.known.keys()].sort().at(-1) ?? ""; // ids sort by their creation
    const fresh = newest
      .filter(({ id }) => id > last || this.known.has(id))
      .map((one) => ({ ...one, count: one.count - (this.known.get(one.id) ?? 0) }))
      .filter(({ count }) => count > 0);
    if (!fresh.length) return;
    const sum = (some) => some.reduce((total, { count }) => total + count, 0);
    const refused = sum(fresh.filter(({ outcome }) => outcome === "rejected"));
    const total = `${sum(fresh).toLocaleString("en")}${fresh.length === most ? " or more" : ""}`;
    const text = `${total} new${refused ? `, ${refused.toLocaleString("en")} rejected` : ""}: show`;
    if (this.pill.textContent !== text) this.pill.textContent = text;
    this.pill.hidden = false;
  }
}
