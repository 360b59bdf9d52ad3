// The marks of a time axis: round times since the execution began, as many as there is room for.
const STEPS = [1, 2, 5].flatMap((n) => [n, 10 * n, 100 * n]).sort((one, other) => one - other);
const UNITS = [
  ...STEPS, ...[1, 2, 5, 10, 15, 30].map((n) => n * 1000), ...[1, 2, 5, 10, 15, 30].map((n) => n * 60_000),
  ...[1, 2, 4, 6, 12].map((n) => n * 3_600_000), ...[1, 2, 5, 10, 20, 50, 100].map((n) => n * 86_400_000),
];
const PARTS = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "m"]];
const MOST = 5;
const ROOM = 0.88; // what begins later would stand beyond the end

/** Give marks from `from` on for `length` milliseconds: pairs of a place in percent and a text. */
export function marks(from, length) {
  const unit = UNITS.find((size) => length / size <= MOST) ?? UNITS.at(-1);
  const found = [];
  for (let at = Math.ceil(from / unit) * unit; at < from + length * ROOM; at += unit) {
    found.push([(100 * (at - from)) / length, written(at, unit)]);
  }
  return found;
}

/** Write a time as exactly as marks so far apart need it: "0", "350 ms", "1.25 s", "2 m 30 s". */
function written(at, unit) {
  if (at < 1000) return at ? `${at} ms` : "0";
  let rest = at;
  const texts = [];
  for (const [size, name] of PARTS) {
    if (rest >= size) texts.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  const digits = unit < 1000 ? 3 - Math.floor(Math.log10(unit)) : 0;
  if (rest || !texts.length) texts.push(`${(rest / 1000).toFixed(digits)} s`);
  return texts.join(" ");
}
