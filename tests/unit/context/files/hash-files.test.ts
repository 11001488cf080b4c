import assert from "node:assert/strict";
import { join } from "node:path";
import { createFileTable, isUnread, sha256At } from "../../../../provider/src/context/files/file-table.ts";
import { hashFiles, type Helpers } from "../../../../provider/src/context/files/hash-files.ts";
import { takeRows, type HashJob } from "../../../../provider/src/context/files/hash-rows.ts";
import { makeFolder, removeFolders } from "../../../support/folder.ts";

const { signal } = new AbortController();

/** Helpers that take rows when they are called, as if they were threads, and do with them what the test says. */
function pretendHelpers(most: number, work: (job: HashJob) => void = () => undefined): Helpers & { readonly called: () => number } {
  let called = 0;
  const start = (job: HashJob) => {
    called += 1;
    work(job);
    return { done: Promise.resolve(), stop: () => Promise.resolve() };
  };
  return { most, start, called: () => called };
}

function makeFiles(count: number, bytes: number): { root: string; paths: string[] } {
  const paths = Array.from({ length: count }, (_, i) => `f${i}`);
  return { root: makeFolder(Object.fromEntries(paths.map((path) => [path, path.padEnd(bytes)]))), paths };
}

async function hash({ root, paths }: ReturnType<typeof makeFiles>, helpers: Helpers): Promise<string[]> {
  const table = createFileTable(paths.length);
  await hashFiles(root, paths, table, signal, helpers);
  return paths.map((_, row) => sha256At(table, row));
}

describe("hashing files", () => {
  afterEach(removeFolders);

  it("starts no helper for 30 files", async () => {
    const helpers = pretendHelpers(7);
    await hash(makeFiles(30, 10_000), helpers);
    assert.equal(helpers.called(), 0);
  });

  it("calls a helper for each other core when there is much, and reads what they took and did not read", async () => {
    const files = makeFiles(3000, 60_000);
    const taken: number[] = [];
    const helpers = pretendHelpers(3, ({ counter, paths }) => {
      const { from, to } = takeRows(new Int32Array(counter), paths.length);
      taken.push(to - from);
    });
    const shared = await hash(files, helpers);
    assert.equal(helpers.called(), 3);
    assert.deepEqual(taken, [16, 16, 16]);
    assert.deepEqual(shared, await hash(files, pretendHelpers(0)));
  });

  it("reads only what is not known yet", async () => {
    const { root, paths } = makeFiles(3, 10);
    const table = createFileTable(3);
    table.states[1] = 1;
    await hashFiles(root, paths.with(1, join("is", "not", "there")), table, signal, pretendHelpers(0));
    assert.deepEqual(
      paths.map((_, row) => isUnread(table, row)),
      [false, false, false],
    );
    assert.equal(sha256At(table, 1), "00".repeat(32));
  });
});
