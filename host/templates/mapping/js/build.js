// Builds a component: `node build.js SOURCE.js OUT.wasm`.

import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const [source, out] = process.argv.slice(2);
const { component } = await componentize(await readFile(source, "utf8"), {
  witPath: new URL("wit", import.meta.url).pathname,
  worldName: "mapping",
  // The exporter provides no HTTP. It provides the rest: clocks that stand still, fixed random
  // numbers, and standard error, to which uncaught exceptions and console.error are written.
  disableFeatures: ["fetch-event", "http"],
});
await writeFile(out, component);
