import type { ErrorCode } from "../errors/catalog.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { BuildId, Unsuccessful } from "./build-backend.ts";
import { findFailingStep } from "./failing-step.ts";

const codes = {
  failed: "build-failed",
  faulted: "build-faulted",
  timedOut: "build-timed-out",
  stopped: "build-stopped",
} as const satisfies Record<Unsuccessful["kind"], ErrorCode>;

const verbs = {
  failed: "failed",
  faulted: "could not be run by the cloud",
  timedOut: "ran out of time",
  stopped: "was stopped",
} as const satisfies Record<Unsuccessful["kind"], string>;

// Enough to see what went wrong; the link leads to the rest.
const shownLines = 30;

/** Everything a person needs to see why a build ended: step, its last lines, phase and its message, link. Each once. */
export function buildError(id: BuildId, observation: Unsuccessful, log: readonly string[]): CloudBuildError {
  const failing = observation.kind === "failed" ? findFailingStep(log) : undefined;
  const phase = [observation.phase, ...observation.messages].filter((part) => part !== undefined).join(": ");
  const lines = [
    `build "${id}" ${verbs[observation.kind]}${failing === undefined ? "" : ` at step ${failing.step}`}`,
    ...(failing?.lines ?? []).slice(-shownLines).map((line) => `  | ${line}`),
    ...(phase === "" ? [] : [`phase ${phase}`]),
    ...(observation.logsUrl === undefined ? [] : [`log ${observation.logsUrl}`]),
  ];
  return new CloudBuildError(observation.contextBroken === true ? "context-unassembled" : codes[observation.kind], lines.join("\n"));
}
