import assert from "node:assert/strict";
import { chmodSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { HashedEntry } from "../../../provider/src/context/context-entry.ts";
import { contextHash } from "../../../provider/src/context/context-hash.ts";
import { createContextReader } from "../../../provider/src/context/files/context-reader.ts";
import { comparePaths } from "../../../provider/src/context/path-bytes.ts";
import { makeFolder, removeFolders, type FolderContent } from "../../support/folder.ts";
import { recordedOperation } from "../../support/operation.ts";

const plain: FolderContent = {
  Dockerfile: "FROM scratch\nCOPY . /\n",
  "a.txt": "one",
  "b/c.txt": "two",
  "b/run.sh": { exec: "#!/bin/sh\n" },
  link: { link: "b/c.txt" },
  empty: null,
};

async function hashOf(folder: string): Promise<string> {
  return (await createContextReader().resolve({ context: folder, baseDir: "/" }, recordedOperation())).contextHash;
}

describe("the context hash", () => {
  afterEach(removeFolders);

  it("is this, for this context: another way of framing would be another scheme", async () => {
    assert.equal(await hashOf(makeFolder(plain)), "ef187cd5ae03d0f0dbc30977b445b7c89b4d8ef3283db0c846e4e87deacb165d");
  });

  it("does not depend on where the folder is, on times, or on permissions other than the exec bit", async () => {
    const [one, two] = [makeFolder(plain), makeFolder(plain)];
    utimesSync(join(two, "a.txt"), 1, 1);
    chmodSync(join(two, "a.txt"), 0o600);
    chmodSync(join(two, "b"), 0o700);
    assert.equal(await hashOf(one), await hashOf(two));
  });

  const changes: readonly (readonly [name: string, change: (folder: string) => void])[] = [
    ["a byte of a file", (folder) => writeFileSync(join(folder, "a.txt"), "onE")],
    ["the exec bit", (folder) => chmodSync(join(folder, "a.txt"), 0o755)],
    ["a name", (folder) => renameSync(join(folder, "a.txt"), join(folder, "aa.txt"))],
    ["an empty folder's name", (folder) => renameSync(join(folder, "empty"), join(folder, "void"))],
    ["an empty file more", (folder) => writeFileSync(join(folder, "z"), "")],
  ];
  for (const [name, change] of changes) {
    it(`changes with ${name}`, async () => {
      const folder = makeFolder(plain);
      const before = await hashOf(folder);
      change(folder);
      assert.notEqual(await hashOf(folder), before);
    });
  }

  it("changes with a link's text", async () => {
    assert.notEqual(await hashOf(makeFolder(plain)), await hashOf(makeFolder({ ...plain, link: { link: "b/other" } })));
  });

  it("tells any two lists of entries apart", () => {
    const path = fc.string({ minLength: 1, maxLength: 6 });
    const hex = fc.constantFrom("00".repeat(32), "01".repeat(32));
    const entry: fc.Arbitrary<HashedEntry> = fc.oneof(
      fc.record({ kind: fc.constant("file" as const), path, executable: fc.boolean(), size: fc.constant(1), sha256: hex }),
      fc.record({ kind: fc.constant("folder" as const), path }),
      fc.record({ kind: fc.constant("link" as const), path, text: fc.string({ maxLength: 6 }) }),
    );
    const entries = fc
      .uniqueArray(entry, { selector: (one) => one.path, maxLength: 5 })
      .map((list) => list.toSorted((a, b) => comparePaths(a.path, b.path)));
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        assert.equal(contextHash(a) === contextHash(b), JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 500 },
    );
  });
});
