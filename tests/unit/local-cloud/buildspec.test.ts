import assert from "node:assert/strict";
import { BuildspecError, parseBuildspec } from "../../../provider/local-cloud/codebuild/buildspec.ts";

describe("the local cloud's buildspec", () => {
  it("reads variables, exports, phases, finally and on-failure", () => {
    const spec = parseBuildspec(`
version: 0.2
env:
  variables: { A: 1, B: "two" }
  exported-variables: [A]
phases:
  build:
    on-failure: CONTINUE
    commands:
      - echo one
      - |
        echo two
        echo three
    finally: [echo last]
`);
    assert.deepEqual(spec, {
      shell: "sh",
      variables: { A: "1", B: "two" },
      exported: ["A"],
      phases: { build: { commands: ["echo one", "echo two\necho three\n"], finally: ["echo last"], onFailure: "CONTINUE" } },
    });
  });

  for (const [name, text] of Object.entries({
    "no mapping": "just text",
    "broken YAML": "version: [",
    "another version": "version: 0.1\nphases: {}",
    "an unknown phase": "version: 0.2\nphases: { deploy: { commands: [x] } }",
    "what is not implemented": "version: 0.2\nartifacts: { files: [x] }",
    "secrets, which the local cloud does not have": "version: 0.2\nenv: { secrets-manager: { A: b } }",
    "an unknown reaction to a failure": "version: 0.2\nphases: { build: { on-failure: RETRY, commands: [x] } }",
  })) {
    it(`refuses ${name}`, () => assert.throws(() => parseBuildspec(text), BuildspecError));
  }
});
