// What is done with a context that was read, in a process of its own: `pack <folder>` or `ship <folder> <endpoint> <region> <bucket>`. Prints a
// `Shipped`.
import type { Readable } from "node:stream";
import { createContextReader, type ResolvedContext } from "../../provider/src/context/files/context-reader.ts";
import { packContext } from "../../provider/src/context/shipping/pack-context.ts";
import { createS3ContextStore } from "../../provider/src/context/shipping/s3-context-store.ts";
import { stageFolder } from "../../provider/src/context/shipping/stage-context.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { recordedOperation } from "../support/operation.ts";

export interface Shipped {
  /** Of packing or shipping, without the reading before it. */
  readonly ms: number;
  /** What was packed, or sent. */
  readonly bytes: number;
  /** The most that the process ever had in memory, reading included. */
  readonly peakBytes: number;
}

const [task, folder = "", endpoint = "", region = "", bucket = ""] = process.argv.slice(2);
const context = await createContextReader().resolve({ context: folder, baseDir: "/" }, recordedOperation());
const at = performance.now();
const bytes = task === "pack" ? await pack(context) : await ship(context);
const shipped: Shipped = { ms: performance.now() - at, bytes, peakBytes: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(JSON.stringify(shipped));

async function pack({ root, entries }: ResolvedContext): Promise<number> {
  let sum = 0;
  for await (const chunk of packContext(root, entries, recordedOperation().signal) as AsyncIterable<Buffer>) sum += chunk.length;
  return sum;
}

async function ship(read: ResolvedContext): Promise<number> {
  const credentials = async () => ({ accessKeyId: "x", secretAccessKey: "y" });
  const store = createS3ContextStore({ config: { region, endpoint, forcePathStyle: true, credentials }, bucket, clock: systemClock });
  let sum = 0;
  const counted = (open: () => Readable) => () =>
    open()
      .on("data", (chunk: Buffer) => (sum += chunk.length))
      .pause();
  const counting: typeof store = {
    ...store,
    put: (key, open, signal) => store.put(key, counted(open), signal),
    putInTurn: (key, open, signal) => store.putInTurn(key, counted(open), signal),
    replace: (key, body, signal) => ((sum += body.length), store.replace(key, body, signal)),
  };
  await stageFolder(read, counting, recordedOperation(), { lineage: "bench", delta: true });
  return sum;
}
