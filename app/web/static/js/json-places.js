// Where the parts of a JSON text stand, and what is wrong with it.

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const OTHER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const MOST_DEPTH = 64;

class Fault extends Error {
  constructor(at, message) {
    super(message);
    this.at = at;
  }
}

/**
 * Read a JSON text: {value, places} with the offset of each path ("steps[0].with.url"), or
 * {fault: {at, message}, places} with the places up to there.
 */
export function readJson(text) {
  const reader = new Reader(text);
  try {
    reader.whole();
    return { value: JSON.parse(text), places: reader.places };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fault: { at: error.at, message: error.message }, places: reader.places };
  }
}

/** Give where a path stands, or the nearest part around it that is there. */
export function placeOf(places, path) {
  for (let part = path; part; part = part.slice(0, Math.max(part.lastIndexOf("."), part.lastIndexOf("[")))) {
    if (places.has(part)) return places.get(part);
    if (!/[.[]/.test(part)) break;
  }
  return places.get("") ?? 0;
}

class Reader {
  constructor(text) {
    Object.assign(this, { text, at: 0, depth: 0, places: new Map() });
  }

  whole() {
    this.skip();
    this.value("");
    this.skip();
    if (this.at < this.text.length) throw new Fault(this.at, "There is more after the end of the value.");
  }

  value(path) {
    if (!this.places.has(path)) this.places.set(path, this.at);
    const first = this.text[this.at];
    if (first === "{") this.group("}", () => this.member(path));
    else if (first === "[") this.list(path);
    else if (first === '"') this.string();
    else if (!this.take(OTHER)) throw new Fault(this.at, this.missing("A value is missing here."));
  }

  list(path) {
    let index = 0;
    this.group("]", () => this.value(`${path}[${index++}]`));
  }

  /** Read parts with commas between them up to the end. */
  group(end, part) {
    const names = this.names;
    this.names = new Set();
    if (++this.depth > MOST_DEPTH) throw new Fault(this.at, `It nests deeper than ${MOST_DEPTH}.`);
    this.at += 1;
    this.skip();
    while (this.text[this.at] !== end) {
      part();
      this.skip();
      if (this.text[this.at] === end) break;
      this.expect(",", `A comma or ${end} is missing here.`);
      this.skip();
      if (this.text[this.at] === end) throw new Fault(this.at, `There is a comma too many before ${end}.`);
    }
    this.at += 1;
    this.depth -= 1;
    this.names = names;
  }

  member(path) {
    const start = this.at;
    if (this.text[this.at] !== '"') throw new Fault(this.at, this.missing('A name in "" is missing here.'));
    const name = JSON.parse(this.string());
    if (this.names.has(name)) throw new Fault(start, `There is another ${JSON.stringify(name)} before this one.`);
    this.names.add(name);
    const inside = path ? `${path}.${name}` : name;
    this.places.set(inside, start);
    this.skip();
    this.expect(":", "A colon is missing here.");
    this.skip();
    this.value(inside);
  }

  string() {
    const found = this.take(STRING);
    if (!found) throw new Fault(this.at, 'This text does not end with " on its line, or has a wrong \\ in it.');
    return found;
  }

  expect(sign, message) {
    if (this.text[this.at] !== sign) throw new Fault(this.at, this.missing(message));
    this.at += 1;
  }

  missing(message) {
    return this.at >= this.text.length ? "The text ends too early." : message;
  }

  skip() {
    this.take(SPACE);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return "";
    this.at += found[0].length;
    return found[0];
  }
}
