// What it takes to bring a context to the cloud: packing, the first upload, and the upload after one file changed.
import { spawn } from "node:child_process";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createContextReader, type ResolvedContext } from "../../provider/src/context/context-reader.ts";
import { packContext } from "../../provider/src/context/pack-context.ts";
import { createS3ContextStore } from "../../provider/src/context/s3-context-store.ts";
import { stageFolder } from "../../provider/src/context/stage-context.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { startCloudProcess, type CloudProcess } from "../support/cloud-process.ts";
import { recordedOperation } from "../support/operation.ts";

/** One line of the report: what was measured, and the numbers by name. */
export interface ShippingRow {
  readonly what: string;
  readonly milliseconds: number;
  readonly megabytes: number;
  /** Of a process that does this and nothing else, reading and hashing included. */
  readonly peakMegabytes?: number;
}

/** Measures with a generated tree, which is changed by one line in one file. */
export async function shippingRows(folder: string): Promise<ShippingRow[]> {
  const cloud = await startCloudProcess();
  try {
    const packed = await inProcess("pack", folder, cloud);
    const whole = await inProcess("stage", folder, cloud);
    const again = await inProcess("stage", folder, cloud);
    appendFileSync(someFile(folder), "one more line\n");
    const delta = await inProcess("stage", folder, cloud);
    return [
      { what: "pack", ...packed },
      { what: "ship the whole", ...whole },
      { what: "ship it unchanged", ...again },
      { what: "ship it with one file changed", ...delta },
    ];
  } finally {
    await cloud.stop();
  }
}

type Task = "pack" | "stage";
type Numbers = Omit<ShippingRow, "what">;

/** A process of its own, with the memory settings of the plugin. */
async function inProcess(task: Task, folder: string, { endpoint, region, bucket }: CloudProcess): Promise<Numbers> {
  const child = spawn(process.execPath, ["--max-semi-space-size=4", import.meta.filename, task, folder, endpoint, region, bucket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as Numbers;
  throw new Error(`the process that was to ${task} said nothing`);
}

function someFile(folder: string): string {
  const file = readdirSync(folder, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile() && entry.name === "f1");
  if (file === undefined) throw new Error("the tree has no file named f1");
  return join(file.parentPath, file.name);
}

async function measure(task: Task, folder: string, endpoint: string, region: string, bucket: string): Promise<Numbers> {
  const context = await createContextReader().resolve({ context: folder, baseDir: "/" }, recordedOperation());
  const at = performance.now();
  const bytes = task === "pack" ? await pack(context) : await stage(context, endpoint, region, bucket);
  return {
    milliseconds: performance.now() - at,
    megabytes: bytes / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  };
}

async function pack({ root, entries }: ResolvedContext): Promise<number> {
  let bytes = 0;
  for await (const chunk of packContext(root, entries, recordedOperation().signal) as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

async function stage(context: ResolvedContext, endpoint: string, region: string, bucket: string): Promise<number> {
  const credentials = async () => ({ accessKeyId: "x", secretAccessKey: "y" });
  const store = createS3ContextStore({ config: { region, endpoint, forcePathStyle: true, credentials }, bucket, clock: systemClock });
  let bytes = 0;
  const counting: typeof store = {
    ...store,
    put: (key, open, signal) =>
      store.put(
        key,
        () =>
          open()
            .on("data", (chunk: Buffer) => (bytes += chunk.length))
            .pause(),
        signal,
      ),
    replace: (key, body, signal) => ((bytes += body.length), store.replace(key, body, signal)),
  };
  await stageFolder(context, counting, recordedOperation(), { lineage: "bench", delta: true });
  return bytes;
}

if (import.meta.main) {
  const [task, folder = "", endpoint = "", region = "", bucket = ""] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await measure(task as Task, folder, endpoint, region, bucket))}\n`);
}
