import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createContextReader } from "../../../../provider/src/context/files/context-reader.ts";
import { createStatCache } from "../../../../provider/src/context/files/stat-cache.ts";
import { systemClock } from "../../../../provider/src/support/clock.ts";
import { makeFolder, removeFolders } from "../../../support/folder.ts";
import { recordedOperation } from "../../../support/operation.ts";

const script = join(import.meta.dirname, "../../../support/hash-process.ts");

function makeContext(files: number): string {
  const many = Object.fromEntries(Array.from({ length: files }, (_, i) => [`d${i % 9}/f${i}`, `${i} `.repeat(200)]));
  return makeFolder({ Dockerfile: "FROM scratch\n", ...many });
}

async function hashOf(context: string, cacheFolder?: string): Promise<string> {
  const cache = cacheFolder === undefined ? undefined : createStatCache({ folder: cacheFolder, clock: systemClock });
  return (await createContextReader(cache).resolve({ context, baseDir: "/" }, recordedOperation())).contextHash;
}

interface Hasher {
  readonly process: ChildProcess;
  readonly hashes: string[];
  readonly started: Promise<unknown>;
  readonly gone: Promise<unknown>;
}

function startHasher(...args: readonly string[]): Hasher {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const hashes: string[] = [];
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    hashes.push(...lines);
  });
  return {
    process: child,
    hashes,
    started: new Promise((resolve) => child.stdout.once("data", resolve)),
    gone: new Promise((resolve) => child.once("close", resolve)),
  };
}

describe("the stat cache, used by several processes", () => {
  afterEach(removeFolders);

  it("gives the right hash after a kill -9 at any of 50 random moments of hashing", async function () {
    this.timeout(300_000);
    const folder = makeFolder();
    const contexts = Array.from({ length: 5 }, () => makeContext(300));
    for (let round = 0; round < 10; round += 1) {
      const hashers = contexts.map((context) => startHasher(context, folder, "100000", "edit"));
      await Promise.all(
        hashers.map(async ({ process: child, started, gone }) => {
          await started;
          await sleep(Math.random() * 60);
          child.kill("SIGKILL");
          await gone;
        }),
      );
      for (const context of contexts) assert.equal(await hashOf(context, folder), await hashOf(context), `round ${round}`);
    }
  });

  it("gives the right hash to four at once, while files of it are damaged under them", async function () {
    this.timeout(120_000);
    const [context, folder] = [makeContext(300), makeFolder()];
    const expected = await hashOf(context);
    const hashers = Array.from({ length: 4 }, () => startHasher(context, folder, "60"));
    const all = Promise.all(hashers.map(({ gone }) => gone));
    let over = false;
    void all.then(() => (over = true));
    while (!over) {
      for (const name of readdirSync(folder).filter((one) => one.endsWith(".stat"))) {
        truncateSync(join(folder, name), Math.floor(Math.random() * 20_000));
      }
      await sleep(5);
    }
    assert.deepEqual(
      hashers.map(({ hashes }) => hashes),
      hashers.map(() => Array.from({ length: 60 }, () => expected)),
    );
  });
});
