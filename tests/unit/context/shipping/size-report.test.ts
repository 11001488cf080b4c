import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIgnoreFile } from "../../../../provider/src/context/files/ignore-file.ts";
import { createIgnoreMatcher } from "../../../../provider/src/context/files/ignore-matcher.ts";
import { describeParts, heaviestParts, type SizedFile } from "../../../../provider/src/context/shipping/size-report.ts";
import { run, root } from "../../../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../../../support/folder.ts";

const mb = 1_000_000;
const files = (sizes: Readonly<Record<string, number>>): SizedFile[] =>
  Object.entries(sizes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, megabytes]) => ({ path, size: megabytes * mb }));
const lines = (sizes: Readonly<Record<string, number>>) =>
  heaviestParts(files(sizes)).map(({ ignoreLine, bytes }) => [ignoreLine, bytes / mb]);

describe("the size report", () => {
  afterEach(removeFolders);

  for (const { name, sizes, expected } of [
    {
      name: "a folder that a tool fills, as a whole, however uneven it is",
      sizes: { "node_modules/next/a": 300, "node_modules/b/c": 50, "src/x": 1 },
      expected: [["node_modules", 350]],
    },
    {
      name: "all such folders of one name by one line",
      sizes: {
        "packages/a/node_modules/x": 40,
        "packages/a/src/y": 3,
        "packages/b/node_modules/p/node_modules/x": 30,
        ".git/objects/p": 60,
      },
      expected: [
        ["**/node_modules", 70],
        [".git", 60],
      ],
    },
    {
      name: "not the folders above what weighs, nor those below it",
      sizes: { "data/raw/2024/a": 30, "data/raw/2024/b": 30, "data/raw/2024/c": 30, "data/readme": 1, "src/a": 2 },
      expected: [["data/raw/2024", 90]],
    },
    {
      name: "a folder whose weight is spread, instead of what is in it",
      sizes: { "assets/a/x": 30, "assets/b/x": 30, "assets/c/x": 30, "src/x": 5 },
      expected: [
        ["assets", 90],
        ["src/x", 5],
      ],
    },
    { name: "one large file", sizes: { "models/m.bin": 900, "models/card": 1, "src/x": 1 }, expected: [["models/m.bin", 900]] },
    { name: "nothing of an empty context", sizes: {}, expected: [] },
  ]) {
    it(`names ${name}`, () => assert.deepEqual(lines(sizes), expected));
  }

  it("gives lines that leave out exactly what they name", () => {
    const name = fc.string({ unit: fc.constantFrom(..."ab *?[]\\!#{}()$^.+|-\u00fc"), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        name.filter((text) => !/^\.{1,2}$/.test(text)),
        (folder) => {
          const [part] = heaviestParts([{ path: `${folder}/x`, size: mb }, { path: `${folder}/y`, size: mb }, { path: `${folder}/z`, size: mb }]); // prettier-ignore
          assert.equal(part?.path, folder);
          const matcher = createIgnoreMatcher(parseIgnoreFile(part.ignoreLine ?? assert.fail("no line"), "x"));
          assert.ok(matcher.judge(folder, undefined).ignored);
          assert.ok(!matcher.judge("neighbour", undefined).ignored);
        },
      ),
    );
  });

  it("says what it measured when nothing stands out", () => {
    assert.equal(describeParts("app", []), "app is 0 B; nothing in it stands out");
  });

  it("is printed by `cloudbuild context size`, of what the ignore file lets through", () => {
    const folder = makeFolder({
      Dockerfile: "FROM scratch\n",
      ".dockerignore": "hidden\n",
      "hidden/x": Buffer.alloc(3 * mb),
      "node_modules/x": Buffer.alloc(2 * mb),
      "src/x": "x",
    });
    const printed = run(`${root}/provider/bin/cloudbuild`, ["context", "size", folder]);
    assert.match(printed, /is 2\.0 MB; heaviest is, .*:\n +2\.0 MB {2}node_modules\n$/);
  });
});
