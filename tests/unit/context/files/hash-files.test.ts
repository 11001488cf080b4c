import assert from "node:assert/strict";
import { join } from "node:path";
import { batchFiles } from "../../../../provider/src/context/files/file-batch.ts";
import { fillRow, isUnread, sha256At } from "../../../../provider/src/context/files/file-table.ts";
import { createFilesHasher, type FilesHasher, type Helpers } from "../../../../provider/src/context/files/hash-files.ts";
import { fromJob, takeRows, type HashJob } from "../../../../provider/src/context/files/hash-rows.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";
import { lstatSync } from "node:fs";
import { makeFolder, removeFolders } from "../../../support/folder.ts";

const { signal } = new AbortController();

interface PretendHelpers extends Helpers {
  readonly started: () => number;
  readonly stopped: () => number;
  /** How many jobs they were given, all together. */
  readonly jobs: () => number;
}

/** Helpers that do with a job what the test says, as if they were threads. */
function pretendHelpers(most: number, work: (job: HashJob) => unknown = () => undefined): PretendHelpers {
  let [started, stopped, jobs] = [0, 0, 0];
  const start = () => {
    started += 1;
    return {
      async give(job: HashJob) {
        jobs += 1;
        await work(job);
      },
      stop: async () => void (stopped += 1),
    };
  };
  return { most, start, started: () => started, stopped: () => stopped, jobs: () => jobs };
}

function makeFiles(count: number, bytes: number): { root: string; paths: string[] } {
  const paths = Array.from({ length: count }, (_, i) => `f${i}`);
  return { root: makeFolder(Object.fromEntries(paths.map((path) => [path, path.padEnd(bytes)]))), paths };
}

function hasherOf({ root, paths }: ReturnType<typeof makeFiles>, threads: Helpers, eager = false): FilesHasher {
  const hasher = createFilesHasher(root, { signal, eager, threads });
  for (const path of paths) hasher.add(path);
  return hasher;
}

const digests = ({ batches }: FilesHasher): string[] => batches.flatMap(({ paths, table }) => paths.map((_, row) => sha256At(table, row)));

async function hash(files: ReturnType<typeof makeFiles>, threads: Helpers, eager = false): Promise<string[]> {
  const hasher = hasherOf(files, threads, eager);
  await hasher.finish();
  await hasher.stop();
  return digests(hasher);
}

describe("hashing files", () => {
  afterEach(removeFolders);

  it("starts no helper for 30 files", async () => {
    const helpers = pretendHelpers(7);
    await hash(makeFiles(30, 10_000), helpers, true);
    assert.equal(helpers.started(), 0);
  });

  it("calls a helper for each other core when there is much, and reads what they took and did not read", async () => {
    const files = makeFiles(3000, 60_000);
    const taken: number[] = [];
    const helpers = pretendHelpers(3, (job) => {
      const { from, to } = takeRows(fromJob(job));
      taken.push(to - from);
    });
    const shared = await hash(files, helpers);
    assert.deepEqual([helpers.started(), helpers.stopped()], [3, 3]);
    assert.equal(helpers.jobs(), 3 * Math.ceil(3000 / batchFiles), "each is given everything");
    assert.ok(taken.includes(16), "some of it was left");
    assert.deepEqual(shared, await hash(files, pretendHelpers(0)));
  });

  it("gives files to helpers while more are found, if all have to be read and they are many", async () => {
    const files = makeFiles(2 * batchFiles + 1, 10);
    for (const eager of [true, false]) {
      const helpers = pretendHelpers(1);
      const hasher = hasherOf(files, helpers, eager);
      assert.deepEqual([helpers.started(), helpers.jobs()], eager ? [1, 2] : [0, 0]);
      await hasher.finish();
      await hasher.stop();
      assert.ok(digests(hasher).every((digest) => digest !== "00".repeat(32)));
    }
  });

  it("comes to the same by real threads", async () => {
    const files = makeFiles(2 * batchFiles + 100, 3000);
    const hasher = createFilesHasher(files.root, { signal, eager: true });
    for (const path of files.paths) hasher.add(path);
    await hasher.finish();
    await hasher.stop();
    assert.deepEqual(digests(hasher), await hash(files, pretendHelpers(0)));
  });

  it("reads only what is not known yet", async () => {
    const { root, paths } = makeFiles(3, 10);
    const hasher = hasherOf({ root, paths: paths.with(1, join("is", "not", "there")) }, pretendHelpers(0));
    const [batch] = hasher.batches;
    assert.ok(batch);
    fillRow(batch.table, 1, lstatSync(root), Buffer.alloc(32, 7));
    await hasher.finish();
    assert.deepEqual(
      paths.map((_, row) => isUnread(batch.table, row)),
      [false, false, false],
    );
    assert.equal(digests(hasher)[1], "07".repeat(32));
  });

  it("says which file a helper could not read", async () => {
    const { root, paths } = makeFiles(2, 10);
    const hasher = hasherOf({ root, paths: [...paths, "gone"] }, pretendHelpers(0));
    await assert.rejects(hasher.finish(), (error) => hasCode(error, "context-changed") && error.message.includes('"gone"'));
    await hasher.stop();
  });

  it("waits for what a helper took, and hears a cancellation meanwhile", async () => {
    const controller = new AbortController();
    const { root, paths } = makeFiles(2 * batchFiles + 1, 10);
    const never = pretendHelpers(1, (job) => {
      takeRows(fromJob(job));
      return new Promise(() => undefined);
    });
    const hasher = createFilesHasher(root, { signal: controller.signal, eager: true, threads: never });
    for (const path of paths) hasher.add(path);
    const finished = hasher.finish();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await assert.rejects(finished, /enough/);
    await hasher.stop();
    assert.equal(never.stopped(), 1);
  });
});
