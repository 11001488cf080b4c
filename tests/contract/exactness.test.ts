import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import type { HashedEntry } from "../../provider/src/context/context-entry.ts";
import { createContextReader } from "../../provider/src/context/files/context-reader.ts";
import { CloudBuildError } from "../../provider/src/errors/cloudbuild-error.ts";
import { openBuildkitView, type BuildkitView } from "../support/buildkit-view.ts";
import { makeFolder, removeFolders, type FolderContent } from "../support/folder.ts";
import { recordedOperation } from "../support/operation.ts";

function lineOf(entry: HashedEntry): string {
  switch (entry.kind) {
    case "folder":
      return `d ${entry.path}/`;
    case "link":
      return `l ${entry.path} -> ${entry.text}`;
    case "file":
      return `${entry.executable ? "x" : "f"} ${entry.path}`;
  }
}

async function ours(context: string, dockerfile: string): Promise<string[]> {
  const { entries } = await createContextReader().resolve({ context, dockerfile, baseDir: "/" }, recordedOperation());
  return entries.map(lineOf).sort();
}

async function oursNamed(context: string): Promise<string[]> {
  const { entries } = await createContextReader().readFolder({ context, baseDir: "/" }, recordedOperation());
  return entries.map(lineOf).sort();
}

async function compare(view: BuildkitView, context: string, dockerfile = view.dockerfile): Promise<void> {
  await agree(view.list(context, dockerfile), ours(context, dockerfile));
}

/** Both lists, or `refused` where one side refuses the ignore file. */
async function agree(theirs: Promise<string[]>, own: Promise<string[]>): Promise<void> {
  const refused = (): string[] => ["refused"];
  const [expected, actual] = await Promise.all([
    theirs.catch((error: { stderr?: string }) => {
      if (/syntax error in pattern|illegal exclusion pattern|failed to read dockerignore|error checking context/.test(error.stderr ?? ""))
        return refused();
      throw error as Error;
    }),
    own.catch((error: unknown) => {
      if (error instanceof CloudBuildError && error.code === "ignore-pattern-malformed") return refused();
      throw error;
    }),
  ]);
  assert.deepEqual(actual, expected);
}

const tree: FolderContent = {
  "a.txt": "",
  "a.log": "",
  "dir/a.txt": "",
  "dir/a.log": "",
  "dir/sub/deep/file.go": "",
  "dir/sub/run.sh": { exec: "" },
  "dir/link": { link: "../a.txt" },
  "link-to-dir": { link: "dir" },
  dangling: { link: "nowhere" },
  empty: null,
  "dir/empty/inner": null,
  ".hidden/file": "",
  "node_modules/p/index.js": "",
  "sp ace/fi le": "",
  "caf\u00e9/\u{1f600}": "",
  "x[1]/y": "",
};

const ignoreFiles: readonly string[] = [
  "",
  "*",
  "**",
  "*\n!a.txt",
  "*\n!dir/sub",
  "*\n!dir/sub/deep/file.go",
  "*\n!**/*.txt",
  "**/*.log",
  "*.log",
  "dir",
  "dir/",
  "/dir",
  "dir/*",
  "dir/**",
  "dir/**\n!dir/sub",
  "dir/**\n!dir/sub/deep",
  "dir\n!dir",
  "dir\n!dir/empty/inner",
  "empty",
  "dir/empty",
  "**/empty",
  "**/inner",
  "node_modules\n.hidden",
  ".*",
  "**/.*",
  "?.txt",
  "d?r/sub",
  "[a-c].txt",
  "[^a].log",
  "x\\[1\\]",
  "x[1]",
  "x[[]1]",
  "sp ace",
  "sp*/fi*",
  "caf\u00e9",
  "caf?/*",
  "link-to-dir",
  "link-to-dir/a.txt",
  "dir/link",
  "# only a comment",
  "\ufeffa.txt",
  "  a.txt  \n\n\t dir \r\n",
  "./a.txt",
  "dir/../a.txt",
  "dir//sub",
  "dir/sub/../a.log",
  "!a.txt",
  "!dir\ndir",
  "*\n!dir\ndir/sub\n!dir/sub/run.sh",
  "**/sub/**",
  "**sub",
  "d**/deep",
  "dir/**/file.go",
  "**/*.go\n!**/deep/*.go",
  ".dockerignore",
  "[",
  "a[",
  "[]a]",
  "a\\",
  "!",
  "..",
  "../x",
  ".",
  "/",
];

const runs = Number(process.env["EXACTNESS_RUNS"] ?? 150);

describe("the context is exactly what BuildKit sees", function () {
  let view: BuildkitView;
  before(async () => {
    view = await openBuildkitView();
  });
  after(async () => {
    await view.close();
    removeFolders();
  });

  for (const text of ignoreFiles) {
    it(`with the ignore file ${JSON.stringify(text)}`, () => compare(view, makeFolder({ ...tree, ".dockerignore": text })));
  }

  it("with an ignore file beside the Dockerfile, which counts before the other", async () => {
    const folder = makeFolder({
      "a/x": "",
      "b/x": "",
      ".dockerignore": "a\n",
      "app.Dockerfile": "FROM scratch\nCOPY . /\n",
      "app.Dockerfile.dockerignore": "b\n",
    });
    await compare(view, folder, join(folder, "app.Dockerfile"));
  });

  it("of named contexts as well, each by its own ignore file", async function () {
    this.timeout(120_000);
    for (const text of ignoreFiles) {
      const folder = makeFolder({ ...tree, ".dockerignore": text });
      await agree(view.listNamed(folder), oursNamed(folder));
    }
  });

  it(`in ${runs} random trees with random patterns`, async function () {
    this.timeout(runs * 2000);
    const name = fc.constantFrom("a", "b", "ab", "a.b", "c", "A");
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    const what = fc.constantFrom<FolderContent[string]>("", "", "", { exec: "" }, { link: "a" }, null);
    const word = fc.constantFrom(
      "a",
      "b",
      "ab",
      "a.b",
      "c",
      "*",
      "**",
      "?",
      "a*",
      "*b",
      "**b",
      "[ab]",
      "[^a]",
      "a?b",
      ".",
      "..",
      "a\\*",
      "[a-c]*",
    );
    const pattern = fc
      .tuple(fc.constantFrom("", "", "!", "/", "!/"), fc.array(word, { minLength: 1, maxLength: 4 }), fc.constantFrom("", "", "", "/"))
      .map(([before_, words, after_]) => `${before_}${words.join("/")}${after_}`);
    const content = fc.tuple(
      fc.array(fc.tuple(path, what), { minLength: 1, maxLength: 12 }),
      fc.array(pattern, { minLength: 1, maxLength: 5 }),
    );
    await fc.assert(
      fc.asyncProperty(content, async ([entries, patterns]) => {
        const files = new Map<string, FolderContent[string]>();
        for (const [at, kind] of entries) {
          // What is a file cannot be a folder of another entry.
          const clashes = [...files.keys()].some(
            (other) => other === at || other.startsWith(`${at}/`) || (files.get(other) !== null && at.startsWith(`${other}/`)),
          );
          if (!clashes) files.set(at, kind);
        }
        await compare(view, makeFolder({ ...Object.fromEntries(files), ".dockerignore": `${patterns.join("\n")}\n` }));
      }),
      { numRuns: runs },
    );
  });
});
