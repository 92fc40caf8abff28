// The mapping: one document (billing), one family, one sample for each state of a seat.

const DOCUMENT = "billing";
const FAMILY = "{{family}}";
// The values of the label `state`, each with the field that has the number of seats.
const STATES = { active: "active_this_cycle", inactive: "inactive_this_cycle" };
const SECONDS_PER_DAY = 24n * 60n * 60n;

function describe() {
  return {
    name: "{{name}}",
    version: "0.1.0",
    documents: [
      {
        name: DOCUMENT,
        scope: "organization",
        // The default mapping uses the same document: it is fetched once for both.
        path: "/orgs/{org}/copilot/billing",
        fetch: "plain",
        need: "optional",
      },
    ],
    options: [],
    families: [
      {
        name: FAMILY,
        help: "Number of billed Copilot seats by state: active or inactive in this billing cycle.",
        kind: "gauge",
        labelNames: ["org", "state"],
        detail: 0,
      },
    ],
    charts: [],
  };
}

// A run: the name of the target, and the billing document received so far.
class Run {
  #org;
  #isHistory;
  #fetchedAt = 0n;
  #body = "";
  // Used with `stream` below, because a chunk may end within a character.
  #decoder = new TextDecoder();

  constructor(target, span, _options) {
    this.#org = target.name;
    this.#isHistory = span === "history";
  }

  feed(document, chunk) {
    this.#fetchedAt = document.fetchedAt;
    this.#body += this.#decoder.decode(chunk, { stream: true });
  }

  finish() {
    // Any document may be missing: GitHub may refuse it.
    if (this.#body === "") return { strings: [], families: [], unmapped: [] };
    const seats = seatsByState(this.#body);
    const states = Object.keys(seats);
    const samples = {
      name: FAMILY,
      // Two indexes into `strings` for each sample: the organization and the state.
      labelValues: new Uint32Array(states.flatMap((_, state) => [0, state + 1])),
      values: new Float64Array(Object.values(seats)),
      timestamps: this.#timestamps(states.length),
    };
    return { strings: [this.#org, ...states], families: [samples], unmapped: [] };
  }

  // With the span `history`, samples have the start of their day: here, of the day it was fetched.
  #timestamps(count) {
    if (!this.#isHistory) return undefined;
    const day = this.#fetchedAt - (this.#fetchedAt % SECONDS_PER_DAY);
    return new BigInt64Array(count).fill(day * 1000n);
  }
}

function seatsByState(body) {
  let document;
  try {
    document = JSON.parse(body);
  } catch (error) {
    throw malformed(error.message);
  }
  const seats = {};
  for (const [state, field] of Object.entries(STATES)) {
    const value = document?.seat_breakdown?.[field];
    if (typeof value !== "number") throw malformed(`${field} is missing`);
    seats[state] = value;
  }
  return seats;
}

// The error for a document that is not what it should be: the exporter keeps the last good one.
function malformed(reason) {
  const problem = { document: DOCUMENT, part: 0, offset: 0n, path: "seat_breakdown", reason };
  return { tag: "malformed", val: problem };
}

export const mapper = { describe, Run };
