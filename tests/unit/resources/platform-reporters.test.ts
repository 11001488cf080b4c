import assert from "node:assert/strict";
import { platformReporters } from "../../../provider/src/resources/image/platform-reporters.ts";
import { recordedOperation } from "../../support/operation.ts";

describe("platformReporters", () => {
  it("show what each platform does on one live line, and name it in lines that stay", () => {
    const { reporter, said } = recordedOperation();
    const reporterFor = platformReporters(reporter);
    const [arm64, amd64] = [reporterFor("linux/arm64"), reporterFor("linux/amd64")];
    arm64.status("queued (1s)");
    amd64.status("building (2s)");
    arm64.info("built in 3 s");
    arm64.status("");
    amd64.status("");
    assert.deepEqual(
      said.map(({ kind, text }) => `${kind} ${text}`),
      [
        "status linux/arm64: queued (1s)",
        "status linux/amd64: building (2s) | linux/arm64: queued (1s)",
        "info linux/arm64: built in 3 s",
        "status linux/amd64: building (2s)",
        "status ",
      ],
    );
  });
});
