import assert from "node:assert/strict";
import { decodeManifest, describeChanges, encodeManifest, manifestOf } from "../../../provider/src/context/context-manifest.ts";
import type { HashedEntry } from "../../../provider/src/context/context-entry.ts";

const file = (path: string, sha256 = "a", executable = false): HashedEntry => ({ kind: "file", path, sha256, executable, size: 1 });
const manifest = (...entries: HashedEntry[]) => manifestOf(entries);

describe("the manifest of a context", () => {
  it("comes back as it was", () => {
    const made = manifest(file("a"), { kind: "link", path: "l", text: "a" }, { kind: "folder", path: "d" });
    assert.deepEqual(decodeManifest(encodeManifest(made)), made);
    assert.equal(decodeManifest(Buffer.from("no manifest")), undefined);
  });

  it("tells what changed, what is new and what is gone", () => {
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a"))), undefined);
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a", "b"))), "1 file changed: a");
    assert.equal(describeChanges(manifest(file("a")), manifest(file("a", "a", true))), "1 file changed: a");
    assert.equal(
      describeChanges(manifest(file("a"), file("b"), file("gone")), manifest(file("b", "2"), file("a", "2"), file("c"))),
      "2 files changed: a, b; 1 new: c; 1 removed: gone",
    );
    const many = Array.from({ length: 7 }, (_, i) => file(`f${i}`));
    assert.equal(describeChanges(manifest(), manifest(...many)), "7 new: f0, f1, f2, f3, f4, …");
  });
});
