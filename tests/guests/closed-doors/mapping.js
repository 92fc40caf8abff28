// A run that tries every door to the outside. The name of the target says what it does.

function describe() {
  return { name: "closed-doors", version: "1", documents: [], options: [], families: [], charts: [] };
}

class Run {
  #does;

  constructor(target) {
    this.#does = target.name;
  }

  feed() {}

  finish() {
    if (this.#does === "raises") recurse(30);
    if (this.#does === "says") {
      console.error("said with ghp_0123456789abcdef");
      throw undefined;
    }
    const random = crypto.getRandomValues(new Uint8Array(4));
    const values = {
      date: new Date().toISOString(),
      now: Date.now(),
      random: Math.random(),
      bytes: Array.from(random).join(","),
      clock: performance.now(),
      fetch: typeof fetch,
    };
    const strings = Object.entries(values).map(([name, value]) => `${name}: ${value}`);
    return { strings, families: [], unmapped: [] };
  }
}

function recurse(depth) {
  if (depth === 0) throw new RangeError("the day 2026-13-01 is not valid");
  recurse(depth - 1);
}

export const mapper = { describe, Run };
