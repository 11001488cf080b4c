import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import { contextBrokenStatus, deltaSource, unpackCommands } from "../../../../provider/src/backends/codebuild/unpack-context.ts";
import { contextDelta } from "../../../../provider/src/context/shipping/context-delta.ts";
import { manifestOf } from "../../../../provider/src/context/context-manifest.ts";
import { createContextReader, type ResolvedContext } from "../../../../provider/src/context/files/context-reader.ts";
import { packContext, packDelta } from "../../../../provider/src/context/shipping/pack-context.ts";
import { treeDigest } from "../../../../provider/src/context/shipping/tree-digest.ts";
import { carryOut, listTree, plannedTree, thinOut, type Planned } from "../../../support/edited-tree.ts";
import { recordedOperation } from "../../../support/operation.ts";

const { signal } = new AbortController();

/** The recipe's own commands, run by the shell, in folders like those of a build. */
describe("putting a context together in the build", () => {
  let work: string;
  beforeEach(() => (work = mkdtempSync(join(tmpdir(), "unpack-context-"))));
  afterEach(() => rmSync(work, { recursive: true, force: true }));

  const resolve = (folder: string): Promise<ResolvedContext> =>
    createContextReader().resolve({ context: folder, baseDir: "/", dockerfile: join(work, "Dockerfile") }, recordedOperation());

  /** A version of the context: the folder is changed in place and read again. */
  async function version(folder: string, planned: Planned, goes: (index: number) => boolean = () => false): Promise<ResolvedContext> {
    thinOut(folder, goes);
    carryOut(folder, planned);
    return resolve(folder);
  }

  function emptyContext(): string {
    writeFileSync(join(work, "Dockerfile"), "FROM scratch\n");
    const folder = join(work, "source");
    mkdirSync(folder);
    return folder;
  }

  async function store(stream: NodeJS.ReadableStream, source: string, name: string): Promise<void> {
    mkdirSync(join(work, source), { recursive: true });
    await pipeline(stream, createWriteStream(join(work, source, name)));
  }

  async function storeBase({ root, entries }: ResolvedContext): Promise<void> {
    await store(packContext(root, entries, signal), "src", "base.tar.gz");
  }

  async function storeDelta(index: number, before: ResolvedContext, after: ResolvedContext): Promise<void> {
    const delta = contextDelta(manifestOf(before.entries), after.entries);
    await store(packDelta(after.root, delta, signal), `src_${deltaSource(index)}`, `delta${index}.tar.gz`);
  }

  /** Answers the status of the first command that fails, as CodeBuild does. */
  function unpack(deltas: number, digest: string | undefined, between: (context: string) => void = () => undefined): number {
    const context = join(work, "work/context");
    rmSync(join(work, "work"), { recursive: true, force: true });
    mkdirSync(context, { recursive: true });
    const deltaKeys = Array.from({ length: deltas }, (_, i) => `x/delta${i}.tar.gz`);
    const commands = unpackCommands({
      kind: "archive",
      object: { bucket: "b", key: "x/base.tar.gz" },
      ...(digest === undefined ? {} : { assembly: { baseKey: "x/base.tar.gz", deltaKeys, treeDigest: digest } }),
    });
    const env = {
      PATH: process.env["PATH"],
      CLOUDBUILD_WORK: join(work, "work"),
      CODEBUILD_SRC_DIR: join(work, "src"),
      ...Object.fromEntries(deltaKeys.map((_, i) => [`CODEBUILD_SRC_DIR_${deltaSource(i)}`, join(work, `src_${deltaSource(i)}`)])),
    };
    for (const [i, command] of commands.entries()) {
      if (i === commands.length - 1) between(context);
      const { status } = spawnSync("sh", ["-c", command], { env, cwd: join(work, "src") });
      if (status !== 0) return status ?? -1;
    }
    return 0;
  }

  const listed = (): string[] => listTree(join(work, "work/context"));

  it("makes, from any base by any edits, the tree that the whole archive makes: names, kinds, modes, times, links and contents", async function () {
    this.timeout(120_000);
    const edits = fc.tuple(plannedTree, fc.integer({ min: 1, max: 7 }));
    await fc.assert(
      fc.asyncProperty(plannedTree, fc.array(edits, { minLength: 1, maxLength: 3 }), async (first, changes) => {
        rmSync(work, { recursive: true, force: true });
        mkdirSync(work);
        const folder = emptyContext();
        let now = await version(folder, first);
        await storeBase(now);
        for (const [i, [planned, every]] of changes.entries()) {
          const before = now;
          now = await version(folder, planned, (index) => index % 7 === every);
          await storeDelta(i, before, now);
        }
        assert.equal(unpack(changes.length, treeDigest(now.entries)), 0);
        const assembled = listed();
        await storeBase(now);
        assert.equal(unpack(0, undefined), 0);
        assert.deepEqual(assembled, listed());
      }),
      { numRuns: 60 },
    );
  });

  const plan: Planned = [
    [["file"], { kind: "file", content: "text", executable: false }],
    [["folder", "inner"], { kind: "file", content: "inner", executable: true }],
    [["empty"], { kind: "folder" }],
    [["link"], { kind: "link", text: "file" }],
    [["line\nbreak"], { kind: "file", content: "odd", executable: false }],
  ];

  const tamperings: Readonly<Record<string, (context: string) => void>> = {
    "a changed byte": (context) => writeFileSync(join(context, "file"), "texT"),
    "a byte more": (context) => appendFileSync(join(context, "folder/inner"), "!"),
    "a file more": (context) => writeFileSync(join(context, "folder/more"), ""),
    "an empty folder more": (context) => mkdirSync(join(context, "more")),
    "a file less": (context) => unlinkSync(join(context, "line\nbreak")),
    "an empty folder less": (context) => rmSync(join(context, "empty"), { recursive: true }),
    "a file for a folder": (context) => {
      rmSync(join(context, "empty"), { recursive: true });
      writeFileSync(join(context, "empty"), "");
    },
    "an exec bit more": (context) => chmodSync(join(context, "file"), 0o755),
    "an exec bit less": (context) => chmodSync(join(context, "folder/inner"), 0o644),
    "a set-user-ID bit": (context) => chmodSync(join(context, "folder/inner"), 0o4755),
    "a folder's mode": (context) => chmodSync(join(context, "folder"), 0o700),
    "another link text": (context) => {
      unlinkSync(join(context, "link"));
      symlinkSync("folder/inner", join(context, "link"));
    },
    "a link for the same content": (context) => {
      renameSync(join(context, "file"), join(context, "..", "file"));
      symlinkSync("../file", join(context, "file"));
    },
    "another name": (context) => renameSync(join(context, "file"), join(context, "file2")),
    "contents exchanged": (context) => {
      writeFileSync(join(context, "file"), "odd");
      writeFileSync(join(context, "line\nbreak"), "text");
    },
  };
  for (const [what, tamper] of Object.entries(tamperings)) {
    it(`finds ${what}`, async () => {
      const folder = emptyContext();
      const base = await version(folder, []);
      await storeBase(base);
      const now = await version(folder, plan);
      await storeDelta(0, base, now);
      assert.equal(unpack(1, treeDigest(now.entries)), 0);
      assert.equal(unpack(1, treeDigest(now.entries), tamper), contextBrokenStatus);
    });
  }

  it("ends with its own status for a base that is another, cut off, or no archive, and for such a delta", async () => {
    const folder = emptyContext();
    await version(folder, plan);
    const other = await version(folder, [[["other"], { kind: "file", content: "x".repeat(5000), executable: false }]]);
    await storeBase(other);
    const now = await version(folder, [[["file"], { kind: "file", content: "new", executable: false }]], (index) => index === 1);
    await storeDelta(0, other, now);
    const digest = treeDigest(now.entries);
    assert.equal(unpack(1, digest), 0);
    await storeDelta(0, now, now);
    assert.equal(unpack(1, digest), contextBrokenStatus, "another delta");
    await storeDelta(0, other, now);
    for (const place of ["src/base.tar.gz", `src_${deltaSource(0)}/delta0.tar.gz`]) {
      const file = join(work, place);
      renameSync(file, `${file}.kept`);
      writeFileSync(file, "no archive");
      assert.equal(unpack(1, digest), contextBrokenStatus, place);
      rmSync(file);
      assert.equal(unpack(1, digest), contextBrokenStatus, `no ${place}`);
      renameSync(`${file}.kept`, file);
    }
    assert.equal(unpack(1, digest), 0);
  });
});
