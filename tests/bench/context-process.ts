// One reading of a context in a process of its own, for its time and memory without Node's start: `<folder> <cache folder, or ->`. Prints a
// `Reading`.
import { createContextReader } from "../../provider/src/context/files/context-reader.ts";
import { createStatCache } from "../../provider/src/context/files/stat-cache.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { recordedOperation } from "../support/operation.ts";

export interface Reading {
  readonly ms: number;
  /** The most that the process ever had in memory, all its threads together. */
  readonly peakBytes: number;
}

const [context = "", cacheFolder = "-"] = process.argv.slice(2);
const cache = cacheFolder === "-" ? undefined : createStatCache({ folder: cacheFolder, clock: systemClock });
const at = performance.now();
await createContextReader(cache).resolve({ context, baseDir: "/" }, recordedOperation());
const reading: Reading = { ms: performance.now() - at, peakBytes: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(JSON.stringify(reading));
