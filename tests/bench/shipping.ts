import { spawn } from "node:child_process";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { startCloudProcess, type CloudProcess } from "../support/cloud-process.ts";
import { bundle } from "./bundle.ts";
import type { Row, Section } from "./section.ts";
import type { Shipped } from "./shipping-process.ts";
import { asThePlugin, megabytes, ms } from "./timing.ts";
import type { Tree } from "./tree.ts";

/** Packing, the first upload to the local cloud, and what goes up when nothing or one file changed. The trees are changed by it. */
export const shipping: Section = {
  title: "Shipping a context",
  async run({ trees, scratch }) {
    const program = await bundle("shipping-process.ts", join(scratch, "shipping"));
    const cloud = await startCloudProcess();
    try {
      const rows: Row[] = [];
      for (const tree of trees) rows.push(...(await ofTree(tree, program, cloud)));
      return rows;
    } finally {
      await cloud.stop();
    }
  },
};

const largestDelta = 1e6;
const largestPeak = 150e6;

async function ofTree({ name, folder }: Tree, program: string, { endpoint, region, bucket }: CloudProcess): Promise<readonly Row[]> {
  const run = (...args: readonly string[]) => inProcess(program, args);
  const ship = () => run("ship", folder, endpoint, region, bucket);
  const packed = await run("pack", folder);
  const whole = await ship();
  const again = await ship();
  appendFileSync(someFile(folder), "one more line\n");
  const changed = await ship();
  const row = (what: string, { ms: took, bytes, peakBytes }: Shipped): Row => ({
    what: `${name}: ${what}`,
    ours: `${ms(took)}, ${bytes < 10e6 ? `${(bytes / 1e3).toFixed(0)} kB` : megabytes(bytes)}, peak memory ${megabytes(peakBytes)}`,
  });
  return [
    { ...row("pack", packed), goal: { text: "peak memory under 150 MB", met: packed.peakBytes < largestPeak } },
    row("ship the whole", whole),
    { ...row("ship it unchanged", again), goal: { text: "0 bytes", met: again.bytes === 0 } },
    { ...row("ship it with one file changed", changed), goal: { text: "under 1 MB", met: changed.bytes < largestDelta } },
  ];
}

/** Not synchronous: the cloud's output has to be read meanwhile. */
async function inProcess(program: string, args: readonly string[]): Promise<Shipped> {
  const child = spawn(process.execPath, [...asThePlugin.flags, program, ...args], {
    env: { ...process.env, ...asThePlugin.env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await text(child.stdout);
  if (said === "") throw new Error(`${args.join(" ")} failed`);
  return JSON.parse(said) as Shipped;
}

function someFile(folder: string): string {
  const file = readdirSync(folder, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile() && entry.name === "file-1.ts");
  if (file === undefined) throw new Error("the tree has no file-1.ts");
  return join(file.parentPath, file.name);
}
