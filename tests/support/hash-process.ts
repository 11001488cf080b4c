// A process that hashes a context over and over, on a cache that others use too: `hash-process.ts <context> <cache> <rounds> [edit]`. With
// `edit` it lets a file grow before each round, so that each round writes the cache. It prints one hash a line.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createContextReader } from "../../provider/src/context/files/context-reader.ts";
import { createStatCache } from "../../provider/src/context/files/stat-cache.ts";
import { recordedOperation } from "./operation.ts";
import { laterClock } from "./later-clock.ts";

const [context = "", folder = "", rounds = "", edit] = process.argv.slice(2);
const cache = createStatCache({ folder, clock: laterClock });
for (let round = 0; round < Number(rounds); round += 1) {
  if (edit !== undefined) appendFileSync(join(context, "grows"), "x");
  const { contextHash } = await createContextReader(cache).resolve({ context, baseDir: "/" }, recordedOperation());
  process.stdout.write(`${contextHash}\n`);
}
