// Runs in a fresh context for each evaluation, before the text of the user; its value is called with the request.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const run = eval;
  const text = String;
  // The binding cannot take a rope, which is what adding long texts gives; joining gives a flat text.
  const { apply } = Reflect;
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

  function asText(value) {
    switch (typeof value) {
      case "string":
        return value;
      case "number":
        return value - value === 0 ? text(value) : "";
      case "boolean":
      case "bigint":
        return text(value);
      case "object":
        return value === null ? "" : (stringify(value) ?? "");
      default:
        return "";
    }
  }

  function asJson(value) {
    if (value instanceof Promise) throw new TypeError("the value is a promise, which nothing here can wait for");
    return stringify(value) ?? "null";
  }

  function failure(error, index) {
    let message;
    try {
      message = error instanceof Error ? error.name + ": " + error.message : "thrown: " + (stringify(error) ?? text(error));
    } catch {
      message = "an error that cannot be written as text";
    }
    const place = error instanceof Error && /<input>:(\d+):(\d+)/.exec(text(error.stack));
    return { index, message: text(message).slice(0, 2000), line: place ? Number(place[1]) - 1 : null };
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
          if (!value) return '{"skip":true}';
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
      value = asJson(compiled(request.names, "\n", request.body, "\n").apply(undefined, values));
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
