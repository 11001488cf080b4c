import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createContextReader } from "../../provider/src/context/files/context-reader.ts";
import { createImageResource } from "../../provider/src/resources/image/image-resource.ts";
import { stateVersion } from "../../provider/src/resources/image/image-state.ts";
import { hasCode } from "../../provider/src/errors/cloudbuild-error.ts";
import { diffImage } from "../../provider/src/resources/image/diff-image.ts";
import { checkImage } from "../../provider/src/resources/image/check-image.ts";
import type { ImageDeps } from "../../provider/src/resources/image/image-deps.ts";
import { decodeProperties } from "../../provider/src/rpc/value-codec.ts";
import struct, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { systemClock } from "../../provider/src/support/clock.ts";
import { testSources } from "../support/test-sources.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { recordedOperation } from "../support/operation.ts";

const golden = join(import.meta.dirname, "../golden/state");

interface Recorded {
  /** What the program said. */
  readonly program: Record<string, JavaScriptValue>;
  /** What the engine kept of it: checked inputs and outputs. */
  readonly inputs: Record<string, JavaScriptValue>;
  readonly outputs: Record<string, JavaScriptValue>;
}

const decode = (map: Record<string, JavaScriptValue>) => decodeProperties(struct.Struct.fromJavaScript(map));

/**
 * States in the form each version writes, kept from then on: tests/golden/state/<version>/state.json, with the context its hashes are of. The
 * first was put together from the code of 0.1.0 before any release, with an invented digest and build; it guards the hash scheme and the names
 * of properties. A released version adds one that a stack really held.
 */
describe("a state of an earlier version", () => {
  after(removeFolders);

  for (const version of readdirSync(golden)) {
    it(`${version} previews clean with the same program and the same files`, async () => {
      const recorded = JSON.parse(readFileSync(join(golden, version, "state.json"), "utf8")) as Recorded;
      const baseDir = makeFolder();
      cpSync(join(golden, version, "context"), join(baseDir, "app"), { recursive: true });
      const deps: ImageDeps = {
        clock: systemClock,
        baseDir,
        defaults: {},
        ...testSources(createContextReader()),
        customEndpoint: false,
        cloudFor: () => assert.fail("nothing is asked of a cloud"),
      };
      const [oldInputs, state] = [decode(recorded.inputs), decode(recorded.outputs)];
      const checked = await checkImage({ news: decode(recorded.program), olds: oldInputs }, deps, recordedOperation());
      assert.deepEqual(checked.failures, []);
      assert.notEqual(checked.inputs["contentHash"], oldInputs["contentHash"], "the content is hashed by another scheme by now");
      const diff = diffImage({ id: "x", state, oldInputs, newInputs: checked.inputs, ignoreChanges: [] }, {});
      assert.deepEqual([...diff], []);
    });
  }

  it("is refused when it was written by a version that knew more, whatever is asked of it", async () => {
    const cloudFor = () => assert.fail("nothing is asked of a cloud");
    const resource = createImageResource({
      clock: systemClock,
      baseDir: "/",
      defaults: {},
      ...testSources(createContextReader()),
      customEndpoint: false,
      cloudFor,
    });
    const state = { repositoryUrl: "x/y", digest: "sha256:0", stateVersion: stateVersion + 1 };
    const [id, operation] = ["x", recordedOperation()];
    const newer = (error: unknown): boolean => hasCode(error, "state-newer");
    assert.throws(() => resource.diff({ id, state, oldInputs: {}, newInputs: {}, ignoreChanges: [] }), newer);
    await assert.rejects(resource.read({ id, state, inputs: {} }, operation), newer);
    await assert.rejects(resource.update({ id, state, oldInputs: {}, newInputs: {}, preview: true }, operation), newer);
    await assert.rejects(resource.delete({ id, state, oldInputs: {} }, operation), newer);
  });
});
