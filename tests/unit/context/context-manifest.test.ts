import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { decodeManifest, describeChanges, manifestChunks, manifestOf } from "../../../provider/src/context/context-manifest.ts";
import type { HashedEntry } from "../../../provider/src/context/context-entry.ts";

const file = (path: string, sha256 = "aa", executable = false): HashedEntry => ({ kind: "file", path, sha256, executable, size: 1 });
const manifest = (...entries: HashedEntry[]) => manifestOf(entries);

describe("the manifest of a context", () => {
  it("comes back as it was", async () => {
    const made = manifest(
      file("a"),
      { kind: "link", path: "l\n\udcff", text: "\udcfea b" },
      { kind: "folder", path: "d" },
      file("d/\u00fc \u{1f600}", "00ff", true),
    );
    assert.deepEqual(await decodeManifest(gzipSync(Buffer.concat([...manifestChunks(made)]))), made);
    for (const wrong of [Buffer.from("no manifest"), gzipSync("a\0f"), gzipSync("a")]) assert.equal(await decodeManifest(wrong), undefined);
  });

  it("tells every kind of thing from every other", () => {
    const things: HashedEntry[] = [
      file("a", "00"),
      file("a", "01"),
      file("a", "00", true),
      { kind: "folder", path: "a" },
      { kind: "link", path: "a", text: "" },
      { kind: "link", path: "a", text: "d" },
    ];
    assert.equal(new Set(things.map((thing) => manifest(thing).get("a"))).size, things.length);
  });

  it("tells what changed, what is new and what is gone", () => {
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a"))), undefined);
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a"), { kind: "folder", path: "d" })), undefined);
    assert.equal(describeChanges(manifest({ kind: "folder", path: "a" }), manifest(file("a"))), "1 new: a");
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a", "bb"))), "1 file changed: a");
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a", "aa", true))), "1 file changed: a");
    assert.equal(
      describeChanges(manifest(file("a"), file("b"), file("gone")), manifest(file("b", "22"), file("a", "22"), file("c"))),
      "2 files changed: a, b; 1 new: c; 1 removed: gone",
    );
    const many = Array.from({ length: 7 }, (_, i) => file(`f${i}`));
    assert.equal(describeChanges(manifest(), manifest(...many)), "7 new: f0, f1, f2, f3, f4, …");
  });
});
