// Builds a component from team-seats.js: `node build.js OUT.wasm`.

import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const here = (path) => new URL(path, import.meta.url).pathname;

const { component } = await componentize(await readFile(here("team-seats.js"), "utf8"), {
  witPath: here("wit"),
  worldName: "mapping",
  // Mappings get no clock, network or random numbers. Without these features, nothing is imported.
  disableFeatures: ["clocks", "fetch-event", "http", "random", "stdio"],
});
await writeFile(process.argv[2], component);
