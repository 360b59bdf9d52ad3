// Times in the reader's zone, those of filters too, and a click on a bar of the histogram.
import { absolute, relative } from "./app.js";

/** Write what the server wrote in UTC in the reader's zone, and our address as the reader knows it. */
export function localize(root) {
  for (const time of root.querySelectorAll("time[data-absolute]")) time.textContent = absolute(time.dateTime);
  for (const time of root.querySelectorAll("time[data-relative]")) {
    time.textContent = relative(time.dateTime);
    time.title = absolute(time.dateTime);
  }
  for (const place of root.querySelectorAll("[data-origin]")) place.textContent = location.origin;
  for (const bar of root.querySelectorAll(".outcomes-chart g")) {
    const title = bar.querySelector("title");
    title.textContent = title.textContent.replace(/^\S+ \S+ UTC/, absolute(bar.dataset.from));
  }
}

/** Let the form of times speak the reader's zone, and bars lead to their span. */
export function keepFilters() {
  const form = document.getElementById("times");
  const inputs = [...form.querySelectorAll("[data-instant]")];
  for (const input of inputs) if (input.dataset.at) input.value = local(input.dataset.at);
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(Object.fromEntries(inputs.map((input) => [input.dataset.instant, instant(input.value)])));
  });
  document.addEventListener("click", (event) => {
    const bar = event.target.closest(".outcomes-chart g");
    if (bar) go({ createdAfter: bar.dataset.from, createdBefore: bar.dataset.to });
  });
}

/** Go to the first page with other times. */
function go(times) {
  const address = new URL(location.href);
  for (const name of ["cursor", "after", "within", ...Object.keys(times)]) address.searchParams.delete(name);
  for (const [name, value] of Object.entries(times)) if (value) address.searchParams.set(name, value);
  location.assign(address);
}

function instant(value) {
  return value ? new Date(value).toISOString() : "";
}

function local(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
