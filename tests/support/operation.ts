import type { Operation } from "../../provider/src/support/operation.ts";

export interface RecordedOperation extends Operation {
  readonly said: { readonly kind: "status" | "info" | "warn" | "debug"; readonly text: string }[];
  abort(reason?: Error): void;
}

/** An operation whose reporter remembers, and which a test can abort. */
export function recordedOperation(urn = "urn:pulumi:test::test::cloudbuild:index:CloudBuildImage::app"): RecordedOperation {
  const controller = new AbortController();
  const said: RecordedOperation["said"] = [];
  const say = (kind: RecordedOperation["said"][number]["kind"]) => (text: string) => void said.push({ kind, text });
  return {
    urn,
    said,
    signal: controller.signal,
    timeoutMs: 3_600_000,
    reporter: { status: say("status"), info: say("info"), warn: say("warn"), debug: say("debug") },
    abort: (reason = new Error("aborted by the test")) => controller.abort(reason),
  };
}
