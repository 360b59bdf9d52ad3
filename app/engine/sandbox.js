// Runs in a fresh context for each evaluation, before the text of the user; its value is called with the request.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const run = eval;
  const text = String;
  // The binding cannot take a rope, which is what adding long texts gives; joining gives a flat text.
  const { apply, defineProperty, deleteProperty } = Reflect;
  const { hasOwn } = Object;
  const { join } = Array.prototype;
  const joined = (parts, by) => apply(join, parts, [by]);

  function denyClockAndChance() {
    const deny = (what) => () => {
      throw new Error(what + " is not available in an expression, so that its value can be computed again");
    };
    const RealDate = Date;
    const noClock = deny("The clock");
    const PureDate = new Proxy(RealDate, {
      apply: noClock,
      construct: (target, args, newTarget) =>
        args.length === 0 ? noClock() : Reflect.construct(target, args, newTarget === PureDate ? target : newTarget),
    });
    RealDate.now = noClock;
    RealDate.prototype.constructor = PureDate;
    globalThis.Date = PureDate;
    Math.random = deny("Chance");
    delete globalThis.performance;
  }

  function compiled(names, head, source, tail) {
    return run("(function(" + joined(names, ",") + "){'use strict';" + head + source + tail + "})");
  }

  // A value that JSON cannot hold; the other side has the words for it.
  class Unfit {
    constructor(kind, key) {
      this.kind = kind;
      this.key = key === undefined ? "" : text(key);
    }
  }

  // Writes JSON; what it would leave out or write as `{}` throws meanwhile, unless the user's text says how to write it.
  function json(value) {
    const type = typeof value;
    if (value === null || (type !== "object" && type !== "function" && type !== "bigint")) return stringify(value);
    const marked = [];
    for (const kind of ["Function", "BigInt", "Map", "Set", "Iterator", "Promise", "Error"]) {
      const prototype = globalThis[kind]?.prototype;
      const toJSON = (key) => {
        throw new Unfit(kind, key);
      };
      if (prototype && !hasOwn(prototype, "toJSON") && defineProperty(prototype, "toJSON", { value: toJSON, configurable: true }))
        marked[marked.length] = prototype;
    }
    try {
      return stringify(value);
    } catch (error) {
      throw error instanceof TypeError && error.message === "circular reference" ? new Unfit("cycle") : error;
    } finally {
      for (const prototype of marked) deleteProperty(prototype, "toJSON");
    }
  }

  function asText(value) {
    switch (typeof value) {
      case "string":
        return value;
      case "number":
        return value - value === 0 ? text(value) : "";
      case "boolean":
      case "bigint":
        return text(value);
      case "undefined":
        return "";
      default:
        return value === null ? "" : asJson(value);
    }
  }

  function asJson(value) {
    if (typeof value === "symbol") throw new Unfit("symbol");
    return json(value) ?? "null";
  }

  // What is always true is a call that somebody forgot.
  function isTrue(value) {
    if (typeof value === "function") throw new Unfit("true function");
    if (value instanceof Promise) throw new Unfit("true promise");
    return Boolean(value);
  }

  // Out of memory the engine cannot even make its error: it throws null. Who reads this can tell them apart.
  function thrown(error, index) {
    if (error === null) return null;
    if (error instanceof Error) return (error.name || "Error") + ": " + (error.message || "it has no message");
    return (index === null ? "The code" : "The expression") + " threw " + (stringify(error) ?? text(error));
  }

  function failure(error, index) {
    if (error instanceof Unfit) return { index, message: error.kind, key: error.key };
    let message;
    try {
      message = thrown(error, index);
    } catch {
      message = "an error that cannot be written as text";
    }
    const place = error instanceof Error && /<input>:(\d+):(\d+)/.exec(text(error.stack));
    return { index, message: message && text(message).slice(0, 2000), line: place ? Number(place[1]) - 1 : null };
  }

  function expressions(request) {
    denyClockAndChance();
    const values = request.names.map((name) => request.values[name]);
    const results = [];
    for (let index = 0; index < request.scripts.length; index++) {
      const script = request.scripts[index];
      try {
        const value = compiled(request.names, "return (\n", script.source, "\n)").apply(undefined, values);
        if (script.condition) {
          if (!isTrue(value)) return '{"skip":true}';
          results.push("true");
        } else {
          results.push(script.text ? stringify(asText(value)) : asJson(value));
        }
      } catch (error) {
        return stringify({ error: failure(error, index) });
      }
    }
    return joined(['{"values":[', joined(results, ","), "]}"], "");
  }

  // `makeConsole` is the source of sandbox_console.js, `emit` takes a line of the log out of here.
  function body(request, makeConsole) {
    const emit = globalThis.emit;
    delete globalThis.emit;
    globalThis.console = run(makeConsole)(emit);
    let error = null;
    let value = "null";
    try {
      const values = request.names.map((name) => request.values[name]);
      // In a function of its own, so that it may declare names that it is given.
      const made = compiled(request.names, "return (function () {\n", request.body, "\n})()");
      value = asJson(made.apply(undefined, values));
    } catch (caught) {
      error = failure(caught, null);
    }
    return joined(['{"values":[', value, '],"error":', stringify(error), "}"], "");
  }

  return (payload, makeConsole) => {
    const request = parse(payload);
    return request.body === undefined ? expressions(request) : body(request, makeConsole);
  };
})();
