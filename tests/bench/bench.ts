// `make bench`: what the design promises in numbers, beside a known program, in the same run. Wall clock on a busy machine is noise; the
// ratios are what counts, so each pair is timed in turns and the medians are compared.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createContextReader } from "../../provider/src/context/context-reader.ts";
import { packContext } from "../../provider/src/context/pack-context.ts";
import { root } from "../support/cloud-process.ts";
import { recordedOperation } from "../support/operation.ts";

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Times several ways of doing things, in turns, and answers the median of each in milliseconds. */
async function inTurns(rounds: number, ways: readonly (() => unknown)[]): Promise<number[]> {
  const times = ways.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, way] of ways.entries()) {
      const at = performance.now();
      await way();
      // The first round warms caches up.
      if (round > 0) times[i]?.push(performance.now() - at);
    }
  }
  return times.map(median);
}

const ms = (value = NaN): string => `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
const ratio = (a = NaN, b = NaN): string => `${(a / b).toFixed(2)}×`;

/** `files` files of `bytes` in all: half of it text, half of it what does not compress. */
function makeTree(files: number, bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), "bench-context-"));
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\nCOPY . /\n");
  const each = Math.floor(bytes / files);
  const random = randomBytes(each);
  const text = Buffer.alloc(each, "the quick brown fox jumps over the lazy dog\n");
  for (let i = 0; i < files; i += 1) {
    const path = join(folder, `d${i % 50}`, `e${i % 7}`);
    mkdirSync(path, { recursive: true });
    const content = Buffer.from(i % 2 === 0 ? text : random);
    content.write(String(i));
    writeFileSync(join(path, `f${i}`), content);
  }
  return folder;
}

async function pluginStart(): Promise<void> {
  print("plugin start");
  const start = (command: string, args: readonly string[]) =>
    new Promise<ChildProcess>((resolve) => {
      const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
      createInterface({ input: child.stdout }).once("line", () => resolve(child));
    });
  let memory = 0;
  const plugin = join(root, "provider/bin/pulumi-resource-cloudbuild");
  const [started, bare] = await inTurns(15, [
    async () => {
      const child = await start(plugin, []);
      // The launcher replaces itself by Node, so this is the plugin's own.
      memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
      child.kill("SIGKILL");
    },
    async () => (await start(process.execPath, ["-e", "console.log(1)"])).kill("SIGKILL"),
  ]);
  print(
    `  to the port line ${ms(started)}, ${memory.toFixed(0)} MB; bare node to its first line ${ms(bare)}; ${ratio(started, bare)} (goal: under 100 ms and 70 MB)`,
  );
}

async function hashing(name: string, folder: string, rounds: number): Promise<void> {
  print(`hash of ${name}`);
  const reader = createContextReader();
  const hash = () => reader.resolve({ context: folder, baseDir: "/" }, recordedOperation());
  const tar = () => {
    const { status } = spawnSync("sh", ["-c", "tar cf - . | openssl sha256"], { cwd: folder, stdio: "ignore" });
    if (status !== 0) throw new Error("tar | openssl failed");
  };
  const [ours, theirs] = await inTurns(rounds, [hash, tar]);
  print(`  ${ms(ours)}; tar cf - . | openssl sha256 ${ms(theirs)}; ${ratio(ours, theirs)} (goal: under 1×)`);

  const resolved = await hash();
  let bytes = 0;
  const at = performance.now();
  for await (const chunk of packContext(resolved.root, resolved.entries, new AbortController().signal) as AsyncIterable<Buffer>)
    bytes += chunk.length;
  const packed = performance.now() - at;
  print(`  packed in ${ms(packed)}: ${(resolved.totalSize / 1e6).toFixed(0)} MB to ${(bytes / 1e6).toFixed(0)} MB`);
}

print(`Node ${process.version}, ${availableParallelism()} cores\n`);
await pluginStart();
for (const [name, files, bytes, rounds] of [
  ["2,000 files / 100 MB", 2000, 100_000_000, 7],
  ["50,000 files / 1 GB", 50_000, 1_000_000_000, 3],
] as const) {
  const tree = makeTree(files, bytes);
  try {
    await hashing(name, tree, rounds);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
