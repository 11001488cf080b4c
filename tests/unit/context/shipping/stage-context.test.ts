import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { contextKey, deltaKey, headKey, recordKey } from "../../../../provider/src/context/shipping/context-assembly.ts";
import { createContextReader, type ResolvedContext } from "../../../../provider/src/context/files/context-reader.ts";
import type { ContextHistory } from "../../../../provider/src/context/shipping/ship-context.ts";
import { manifestKey } from "../../../../provider/src/context/shipping/shipped-manifest.ts";
import { stageDockerfile, stageFolder, type StagedFolder } from "../../../../provider/src/context/shipping/stage-context.ts";
import { treeDigest } from "../../../../provider/src/context/shipping/tree-digest.ts";
import { fill, makeFolder, removeFolders, type FolderContent } from "../../../support/folder.ts";
import { memoryStore, type MemoryStore } from "../../../support/memory-store.ts";
import { recordedOperation } from "../../../support/operation.ts";

const lineage = "app";
// What does not compress, so that the archive of the base is as large.
const heavy = randomBytes(6_000_000);

describe("staging a context", () => {
  afterEach(removeFolders);

  function scene(content: FolderContent = {}) {
    const store = memoryStore();
    const folder = makeFolder({ Dockerfile: "FROM scratch\n", heavy, note: "0", "sub/other": "0", ...content });
    const read = (): Promise<ResolvedContext> => createContextReader().resolve({ context: folder, baseDir: "/" }, recordedOperation());
    /** Edits the folder, stages it, and answers what that put into the store. */
    async function stage(edit: FolderContent = {}, history: ContextHistory | null = { lineage, delta: true }) {
      fill(folder, edit);
      const context = await read();
      const operation = recordedOperation();
      const staged = await stageFolder(context, store, operation, history ?? undefined);
      await stageDockerfile(context.dockerfile, store, operation);
      return { staged, puts: store.takePuts(), hash: context.contextHash, context, said: operation.said };
    }
    return { store, folder, stage };
  }

  const kinds = (puts: Readonly<Record<string, number>>): string[] => Object.keys(puts).map((key) => key.split("/")[1] ?? "").sort(); // prettier-ignore
  const partsOf = ({ assembly }: StagedFolder): string[] => (assembly === undefined ? [] : [assembly.baseKey, ...assembly.deltaKeys]);
  const isWhole = ({ puts, staged, hash }: { puts: Readonly<Record<string, number>>; staged: StagedFolder; hash: string }): void => {
    assert.equal(staged.assembly, undefined);
    assert.ok((puts[contextKey(hash)] ?? 0) > 0, JSON.stringify(puts));
  };

  it("ships a whole context once, and later only what changed", async () => {
    const { stage } = scene();
    const first = await stage();
    isWhole(first);
    assert.deepEqual(kinds(first.puts), ["contexts", "dockerfiles", "heads", "manifests"]);
    const second = await stage({ note: "1" });
    assert.deepEqual(kinds(second.puts), ["deltas", "heads", "heads", "manifests"]);
    assert.ok(Object.values(second.puts).reduce((sum, size) => sum + size) < 4000, JSON.stringify(second.puts));
    assert.deepEqual(second.staged.assembly, {
      baseKey: contextKey(first.hash),
      deltaKeys: [deltaKey(first.hash, second.hash)],
      treeDigest: treeDigest(second.context.entries),
    });
    assert.equal(second.staged.object.key, contextKey(second.hash));
  });

  it("ships no byte of a context that is there, whole or in parts, whichever image it was shipped for", async () => {
    const { stage } = scene();
    await stage();
    assert.deepEqual((await stage()).puts, {});
    const changed = await stage({ note: "1" });
    assert.deepEqual((await stage()).puts, {});
    const elsewhere = await stage({}, { lineage: "another", delta: true });
    assert.deepEqual(kinds(elsewhere.puts), ["heads"]);
    assert.deepEqual(elsewhere.staged, changed.staged);
  });

  it("chains three deltas at most, and then begins anew at the base", async () => {
    const { stage } = scene();
    const { hash: base } = await stage();
    const lengths: number[] = [];
    for (let i = 1; i <= 8; i += 1) {
      const { staged, puts } = await stage({ note: String(i), [`new${i}`]: "" });
      assert.equal(staged.assembly?.baseKey, contextKey(base));
      assert.deepEqual(kinds(puts), ["deltas", "heads", "heads", "manifests"]);
      lengths.push(partsOf(staged).length - 1);
    }
    assert.deepEqual(lengths, [1, 2, 3, 1, 2, 3, 1, 2]);
  });

  it("ships the whole again when the deltas together would be a quarter of the base", async () => {
    const { stage } = scene();
    await stage();
    const sizes = [];
    for (let i = 1; i <= 3; i += 1) sizes.push(partsOf((await stage({ [`part${i}`]: randomBytes(700_000) })).staged).length);
    assert.deepEqual(sizes, [2, 3, 0]);
  });

  it("ships the whole when most of the base is gone", async () => {
    const { stage, folder } = scene({ more: randomBytes(14_000_000) });
    await stage();
    rmSync(`${folder}/more`);
    isWhole(await stage());
  });

  it("ships a small context whole, and leaves no record of it", async () => {
    const { stage } = scene({ heavy: "light" });
    assert.deepEqual(kinds((await stage()).puts), ["contexts", "dockerfiles", "manifests"]);
    const changed = await stage({ note: "1" });
    isWhole(changed);
    assert.deepEqual(kinds(changed.puts), ["contexts", "manifests"]);
  });

  it("ships the whole when it is told to, in spite of the parts, and remembers that", async () => {
    const { stage } = scene();
    await stage();
    await stage({ note: "1" });
    const whole = await stage({}, { lineage, delta: false });
    isWhole(whole);
    assert.deepEqual(partsOf((await stage({ note: "2" })).staged)[0], contextKey(whole.hash));
    isWhole(await stage({ note: "3" }, null));
  });

  const damages: Readonly<Record<string, (store: MemoryStore, base: string, newest: string) => void>> = {
    "the base is gone": (store, base) => store.objects.delete(contextKey(base)),
    "the base is another object": (store, base) => store.objects.set(contextKey(base), randomBytes(6_000_000)),
    "a delta is gone": (store, base, newest) => store.objects.delete(deltaKey(base, newest)),
    "a delta is cut off": (store, base, newest) => store.objects.set(deltaKey(base, newest), Buffer.from("half")),
    "the manifest is gone": (store, _, newest) => store.objects.delete(manifestKey(newest)),
    "the manifest is none": (store, _, newest) => store.objects.set(manifestKey(newest), Buffer.from("none")),
    "the record is gone": (store) => store.objects.delete(headKey(lineage)),
    "the record is none": (store) => store.objects.set(headKey(lineage), Buffer.from("none")),
    "the record is of another form": (store) => store.objects.set(headKey(lineage), Buffer.from('{"parts":[{"contextHash":"../x"}]}')),
    "the record is empty": (store) => store.objects.set(headKey(lineage), Buffer.from('{"parts":[]}')),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`ships the whole when ${what}`, async () => {
      const { store, stage } = scene();
      const base = await stage();
      const newest = await stage({ note: "1" });
      damage(store, base.hash, newest.hash);
      const next = await stage({ note: "2" });
      isWhole(next);
      assert.deepEqual(partsOf((await stage({ note: "3" })).staged)[0], contextKey(next.hash), "and the next delta builds upon that");
    });
  }

  it("ships again what was deleted from the bucket meanwhile", async () => {
    const { store, stage } = scene({ heavy: "light" });
    const { hash } = await stage();
    store.objects.delete(contextKey(hash));
    const again = await stage();
    assert.deepEqual(Object.keys(again.puts), [contextKey(hash)]);
  });

  it("ships the whole again when a part of a context that was put together is gone", async () => {
    const { store, stage } = scene();
    const { hash } = await stage();
    const { hash: changed } = await stage({ note: "1" });
    assert.ok(store.objects.has(recordKey(changed)));
    store.objects.delete(contextKey(hash));
    isWhole(await stage());
  });

  it("is as good when the record cannot be written", async () => {
    const { store, stage } = scene();
    store.replace = async () => Promise.reject(new Error("denied"));
    const { staged, said } = await stage();
    assert.equal(staged.assembly, undefined);
    assert.ok(said.some(({ kind, text }) => kind === "debug" && text.includes("denied")));
  });

  it("says once what makes a large context large, and only when it is shipped", async () => {
    const { stage } = scene({ "node_modules/p/blob": Buffer.alloc(110_000_000) });
    const warnings = (said: readonly { kind: string; text: string }[]) => said.filter(({ kind }) => kind === "warn");
    const first = warnings((await stage()).said);
    assert.equal(first.length, 1);
    assert.match(first[0]?.text ?? "", /is 116 MB; .*:\n +110 MB {2}node_modules\n +6\.0 MB {2}heavy$/);
    assert.deepEqual(warnings((await stage()).said), []);
  });
});
