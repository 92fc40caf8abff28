// A mapping in JavaScript: the seats granted by each team, and how many of them are idle.

const DAY = 24 * 60 * 60 * 1000;
const IDLE_DAYS = 30;

const FAMILIES = {
  team_seats:
    "Copilot seats by the team that grants them. The team is empty for seats granted by the organization.",
  team_idle_seats:
    `Copilot seats that have not been used for ${IDLE_DAYS} days, or never, by the team that grants them.`,
};

function describe() {
  return {
    name: "team-seats",
    version: "0.1.0",
    documents: [
      {
        name: "seats",
        scope: "organization",
        // The default mapping uses the same document: it is fetched once for both.
        path: "/orgs/{org}/copilot/billing/seats?per_page=100",
        fetch: "paged",
        need: "optional",
      },
    ],
    options: [],
    families: Object.entries(FAMILIES).map(([name, help]) => ({
      name,
      help,
      kind: "gauge",
      labelNames: ["org", "team"],
      detail: 1,
    })),
    charts: [],
  };
}

// A run: the text of each page received so far. Pages are small, so they are parsed when complete.
class Run {
  #org;
  #pages = [];

  constructor(target, _span, _options) {
    this.#org = target.name;
  }

  feed(document, chunk) {
    const page = (this.#pages[document.part] ??= {
      // Used with `stream` below, because a chunk may end within a character.
      decoder: new TextDecoder(),
      fetchedAt: Number(document.fetchedAt) * 1000,
      text: "",
    });
    page.text += page.decoder.decode(chunk, { stream: true });
  }

  finish() {
    const teams = new Map();
    this.#pages.forEach((page, part) => {
      for (const seat of seatsOf(page, part)) {
        const name = seat.assigning_team?.slug ?? "";
        const team = teams.get(name) ?? { seats: 0, idle: 0 };
        const used = Date.parse(seat.last_activity_at ?? "");
        team.seats += 1;
        // There is no clock: ages are relative to the time when the page was fetched.
        if (!(page.fetchedAt - used < IDLE_DAYS * DAY)) team.idle += 1;
        teams.set(name, team);
      }
    });
    const names = [...teams.keys()].sort();
    const family = (name, value) => ({
      name,
      // Two indexes into `strings` for each sample: the organization and the team.
      labelValues: new Uint32Array(names.flatMap((_, team) => [0, team + 1])),
      values: new Float64Array(names.map((name) => value(teams.get(name)))),
    });
    return {
      strings: [this.#org, ...names],
      families: [
        family("team_seats", (team) => team.seats),
        family("team_idle_seats", (team) => team.idle),
      ],
      unmapped: [],
    };
  }
}

function seatsOf(page, part) {
  const malformed = (reason) => ({
    tag: "malformed",
    val: { document: "seats", part, offset: 0n, reason },
  });
  let body;
  try {
    body = JSON.parse(page.text);
  } catch (error) {
    throw malformed(error.message);
  }
  if (!Array.isArray(body?.seats)) throw malformed("the list of seats is missing");
  return body.seats;
}

export const mapper = { describe, Run };
