// One reading of a context in a process of its own, for its time and memory without Node's start: `<folder> <cache folder, or -> [pack]`.
// Prints a `Reading`. It is bundled before it runs, as the plugin is: Node's reading of TypeScript would be measured else.
import { createContextReader } from "../../provider/src/context/context-reader.ts";
import { packContext } from "../../provider/src/context/pack-context.ts";
import { createStatCache } from "../../provider/src/context/stat-cache.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { recordedOperation } from "../support/operation.ts";

export interface Reading {
  /** Of hashing, or of packing what was hashed. */
  readonly ms: number;
  /** The most that the process ever had in memory, all its threads together. */
  readonly peakBytes: number;
  readonly packedBytes: number;
}

const [context = "", cacheFolder = "-", pack] = process.argv.slice(2);
const cache = cacheFolder === "-" ? undefined : createStatCache({ folder: cacheFolder, clock: systemClock });
const operation = recordedOperation();
let at = performance.now();
const { root, entries } = await createContextReader(cache).resolve({ context, baseDir: "/" }, operation);
let packedBytes = 0;
if (pack !== undefined) {
  at = performance.now();
  for await (const chunk of packContext(root, entries, operation.signal) as AsyncIterable<Buffer>) packedBytes += chunk.length;
}
const ms = performance.now() - at;
const reading: Reading = { ms, peakBytes: process.resourceUsage().maxRSS * 1024, packedBytes };
process.stdout.write(JSON.stringify(reading));
