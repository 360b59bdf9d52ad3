// Makes the `console` of a body: what it is given is written for a reader, and no value makes it throw.
(function (emit) {
  "use strict";
  const { stringify } = JSON;
  const text = String;
  const { isArray } = Array;
  const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { slice, toWellFormed, replaceAll } = String.prototype;
  const { forEach: eachOfMap } = Map.prototype;
  const { forEach: eachOfSet } = Set.prototype;
  const { toISOString } = Date.prototype;
  const LONGEST = 256 * 1024 + 1;
  const DEEPEST = 32;

  class Enough extends Error {}

  // One line: it writes until it is longer than any line may be.
  function writer() {
    let line = "";
    const around = [];

    const add = (piece) => {
      line += piece;
      if (line.length > LONGEST) throw new Enough();
    };

    function any(value, bare) {
      switch (typeof value) {
        case "string":
          return add(bare ? value : stringify(apply(slice, value, [0, LONGEST])));
        case "number":
          return add(value === 0 && 1 / value < 0 ? "-0" : text(value));
        case "bigint":
          return add(text(value) + "n");
        case "function":
          return add("[Function" + named(value) + "]");
        case "object":
          return value === null ? add("null") : object(value);
        default:
          return add(text(value));
      }
    }

    function object(value) {
      if (around.includes(value)) return add("[Circular]");
      if (around.length === DEEPEST) return add(isArray(value) ? "[Array]" : "[Object]");
      const length = line.length;
      around.push(value);
      try {
        special(value) || (isArray(value) ? list(value) : members(value));
      } catch (error) {
        if (error instanceof Enough) throw error;
        line = line.slice(0, length);
        add("[unreadable]");
      }
      around.pop();
    }

    // What has no members worth showing; tells whether the value was such a one.
    function special(value) {
      if (value instanceof Error) add(text(value.name) + (value.message ? ": " + text(value.message) : ""));
      else if (value instanceof Date) add(value - value === 0 ? apply(toISOString, value, []) : "Invalid Date");
      else if (value instanceof RegExp) add(text(value));
      else if (value instanceof Promise) add("[Promise]");
      else if (value instanceof WeakMap || value instanceof WeakSet) add("[Object]");
      else if (value instanceof Map) map(value);
      else if (value instanceof Set) set(value);
      else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) list(value);
      else if (value instanceof Number || value instanceof Boolean || value instanceof BigInt) any(value.valueOf(), false);
      else if (value instanceof String) any(text(value), false);
      else return false;
      return true;
    }

    function list(value) {
      add("[");
      for (let at = 0; at < value.length; at++) {
        if (at) add(",");
        any(value[at], false);
      }
      add("]");
    }

    function members(value) {
      let first = true;
      add("{");
      for (const key of ownKeys(value)) {
        const found = getOwnPropertyDescriptor(value, key);
        if (!found || !found.enumerable) continue;
        add((first ? "" : ",") + (typeof key === "symbol" ? "[" + text(key) + "]" : stringify(key)) + ":");
        if ("value" in found) any(found.value, false);
        else add("[Getter]");
        first = false;
      }
      add("}");
    }

    function map(value) {
      let first = true;
      add("Map(" + value.size + "){");
      apply(eachOfMap, value, [
        (inner, key) => {
          if (!first) add(",");
          first = false;
          any(key, false);
          add("=>");
          any(inner, false);
        },
      ]);
      add("}");
    }

    function set(value) {
      let first = true;
      add("Set(" + value.size + "){");
      apply(eachOfSet, value, [
        (inner) => {
          if (!first) add(",");
          first = false;
          any(inner, false);
        },
      ]);
      add("}");
    }

    return (parts) => {
      try {
        for (let at = 0; at < parts.length; at++) {
          if (at) add(" ");
          any(parts[at], true);
        }
      } catch (error) {
        if (!(error instanceof Enough)) line += "[unreadable]";
      }
      return line;
    };
  }

  function named(value) {
    const found = getOwnPropertyDescriptor(value, "name");
    return found && typeof found.value === "string" && found.value ? ": " + found.value : "";
  }

  // The way out takes neither NUL nor half a surrogate pair.
  const sendable = (line) => apply(replaceAll, apply(toWellFormed, apply(slice, line, [0, LONGEST]), []), ["\0", "\ufffd"]);

  const write =
    (level) =>
    (...parts) => {
      try {
        emit(level, sendable(writer()(parts)));
      } catch {
        // A log is no reason to fail.
      }
    };
  return {
    log: write("info"), info: write("info"), warn: write("warning"), error: write("error"), debug: write("debug"),
  };
});
