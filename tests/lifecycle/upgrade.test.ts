import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createContextReader } from "../../provider/src/context/context-reader.ts";
import { diffImage } from "../../provider/src/resources/image/diff-image.ts";
import { checkImage } from "../../provider/src/resources/image/check-image.ts";
import type { ImageDeps } from "../../provider/src/resources/image/image-deps.ts";
import { decodeProperties } from "../../provider/src/rpc/value-codec.ts";
import struct, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { systemClock } from "../../provider/src/support/clock.ts";
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

/** States that released versions wrote, kept as they were: tests/golden/state/<version>/state.json, with the context they were made from. */
describe("a state of an older version", () => {
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
        contexts: createContextReader(),
        customEndpoint: false,
        cloudFor: () => assert.fail("nothing is asked of a cloud"),
      };
      const [oldInputs, state] = [decode(recorded.inputs), decode(recorded.outputs)];
      const checked = await checkImage({ news: decode(recorded.program), olds: oldInputs }, deps, recordedOperation());
      assert.deepEqual(checked.failures, []);
      const diff = diffImage({ id: "x", state, oldInputs, newInputs: checked.inputs, ignoreChanges: [] });
      assert.deepEqual([...diff], []);
    });
  }
});
