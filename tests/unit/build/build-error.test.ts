import assert from "node:assert/strict";
import { buildError } from "../../../provider/src/build/build-error.ts";
import { findFailingStep, stepAnnouncedBy } from "../../../provider/src/build/failing-step.ts";

const log = `#8 [builder 3/4] RUN make
#8 0.101 cc -c main.c
#8 0.140 main.c:3: error: expected ';'
#8 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
------
 > [builder 3/4] RUN make:
0.101 cc -c main.c
0.140 main.c:3: error: expected ';'
------
Dockerfile:4
--------------------
   4 | >>> RUN make
--------------------
ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2
[Container] Phase complete: BUILD State: FAILED`.split("\n");

describe("what a failed build says", () => {
  it("names the step and what it wrote, the phase, and the log, each once", () => {
    const observation = {
      kind: "failed",
      seconds: 3,
      phase: "BUILD",
      messages: ["COMMAND_EXECUTION_ERROR: exit status 1"],
      logsUrl: "https://console/log",
    } as const;
    const error = buildError("p:1", observation, log);
    assert.equal(error.code, "build-failed");
    assert.equal(
      error.message,
      [
        'build "p:1" failed at step [builder 3/4] RUN make',
        "  | cc -c main.c",
        "  | main.c:3: error: expected ';'",
        "phase BUILD: COMMAND_EXECUTION_ERROR: exit status 1",
        "log https://console/log",
      ].join("\n"),
    );
  });

  it("shows at most 30 lines, the last ones", () => {
    const long = ["------", " > RUN many:", ...Array.from({ length: 200 }, (_, i) => `0.1 line ${i}`), "------"];
    const lines = buildError("p:1", { kind: "failed", seconds: 1, messages: [] }, long).message.split("\n");
    assert.equal(lines.length, 31);
    assert.equal(lines.at(-1), "  | line 199");
  });

  it("falls back to BuildKit's last error, and to nothing", () => {
    assert.deepEqual(findFailingStep(["ERROR: failed to build: failed to solve: dockerfile parse error"]), {
      step: "failed to solve: dockerfile parse error",
      lines: [],
    });
    assert.equal(findFailingStep(["all is well"]), undefined);
  });

  it("says that the context, not the Dockerfile, was at fault", () => {
    const error = buildError("p:1", { kind: "failed", seconds: 1, messages: ["exit status 79"], contextBroken: true }, []);
    assert.equal(error.code, "context-unassembled");
  });

  it("tells apart who has to act", () => {
    const codes = { failed: "build-failed", faulted: "build-faulted", timedOut: "build-timed-out", stopped: "build-stopped" } as const;
    for (const kind of ["failed", "faulted", "timedOut", "stopped"] as const) {
      assert.equal(buildError("p:1", { kind, seconds: 1, messages: [] }, []).code, codes[kind]);
    }
  });

  it("does not blame the Dockerfile for what the cloud did", () => {
    for (const kind of ["faulted", "timedOut", "stopped"] as const)
      assert.equal(buildError("p:1", { kind, seconds: 1, messages: [] }, log).message.includes("RUN make"), false);
  });

  it("knows the step a line announces", () => {
    assert.equal(stepAnnouncedBy("#8 [builder 3/4] RUN make"), "[builder 3/4] RUN make");
    assert.equal(stepAnnouncedBy("#1 [internal] load build definition from Dockerfile"), undefined);
    assert.equal(stepAnnouncedBy("#8 0.101 cc -c main.c"), undefined);
  });
});
