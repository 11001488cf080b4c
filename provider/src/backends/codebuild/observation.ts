import type { Build, BuildPhase, PhaseContext } from "@aws-sdk/client-codebuild";
import type { LogLocation, Observation } from "../../build/build-backend.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { isDigest } from "../../image/digest.ts";
import { digestVariable } from "./buildspec.ts";
import { contextBrokenStatus, deltaSource } from "./unpack-context.ts";

/** What each phase is called on the live line, and whether the build still waits for its machine. */
const phases: Readonly<Record<string, { readonly words: string; readonly queued: boolean }>> = {
  SUBMITTED: { words: "queued", queued: true },
  QUEUED: { words: "queued", queued: true },
  PROVISIONING: { words: "provisioning", queued: true },
  DOWNLOAD_SOURCE: { words: "fetching the context", queued: false },
  INSTALL: { words: "preparing", queued: false },
  PRE_BUILD: { words: "signing in", queued: false },
  BUILD: { words: "building", queued: false },
  POST_BUILD: { words: "finishing", queued: false },
  UPLOAD_ARTIFACTS: { words: "finishing", queued: false },
  FINALIZING: { words: "finishing", queued: false },
  COMPLETED: { words: "finishing", queued: false },
};

/** A build record of CodeBuild in neutral words. */
export function observationOf(build: Build): Observation {
  const seen = { ...logOf(build), seconds: secondsOf(build) };
  const ended = { ...seen, ...failedPhaseOf(build.phases ?? []), ...(isContextBroken(build) ? { contextBroken: true as const } : {}) };
  switch (build.buildStatus) {
    case "IN_PROGRESS": {
      const phase = phases[build.currentPhase ?? "SUBMITTED"] ?? { words: "building", queued: false };
      return { kind: "running", queued: phase.queued, phase: phase.words, ...logOf(build) };
    }
    case "SUCCEEDED": {
      const said = build.exportedEnvironmentVariables?.find(({ name }) => name === digestVariable)?.value;
      return { kind: "succeeded", ...seen, ...(said !== undefined && isDigest(said) ? { digest: said } : {}) };
    }
    case "FAILED":
      return { kind: "failed", ...ended };
    case "FAULT":
      return { kind: "faulted", ...ended };
    case "TIMED_OUT":
      return { kind: "timedOut", ...ended };
    case "STOPPED":
      return { kind: "stopped", ...ended };
    case undefined:
    default:
      throw new CloudBuildError("cloud-unavailable", `CodeBuild answered build status "${String(build.buildStatus)}", which is unknown`);
  }
}

function secondsOf({ startTime, endTime }: Build): number {
  if (startTime === undefined || endTime === undefined) return 0;
  return Math.round((endTime.getTime() - startTime.getTime()) / 100) / 10;
}

/** Before the build has a machine, CodeBuild answers a link to a log named null. */
function logOf({ logs }: Build): { logsUrl?: string; log?: LogLocation } {
  if (!logs?.groupName || !logs.streamName) return {};
  return { log: { group: logs.groupName, stream: logs.streamName }, ...(logs.deepLink ? { logsUrl: logs.deepLink } : {}) };
}

/** A build that takes deltas failed because a part was gone, or by the status with which the recipe says that the parts do not fit. */
function isContextBroken({ secondarySources = [], phases: all = [] }: Build): boolean {
  if (!secondarySources.some(({ sourceIdentifier }) => sourceIdentifier === deltaSource(0))) return false;
  const failed = failedPhase(all);
  return (failed?.contexts ?? []).some(({ statusCode, message = "" }) =>
    failed?.phaseType === "DOWNLOAD_SOURCE" ? statusCode === "CLIENT_ERROR" : message.endsWith(` exit status ${contextBrokenStatus}`),
  );
}

function failedPhase(all: readonly BuildPhase[]): BuildPhase | undefined {
  return all.find(({ phaseStatus }) => phaseStatus !== undefined && !["SUCCEEDED", "IN_PROGRESS"].includes(phaseStatus));
}

function failedPhaseOf(all: readonly BuildPhase[]): { phase?: string; messages: string[] } {
  const failed = failedPhase(all);
  const messages = (failed?.contexts ?? []).map(messageOf).filter((message) => message !== "");
  return { ...(failed?.phaseType === undefined ? {} : { phase: failed.phaseType }), messages };
}

// The message quotes the whole command, build arguments and all; what ended it comes last.
const commandError = /^Error while executing command: .*\. Reason: (.+)$/s;

function messageOf({ statusCode, message }: PhaseContext): string {
  const text = message?.trim() ?? "";
  return [statusCode, commandError.exec(text)?.[1] ?? text].filter((part) => part !== undefined && part !== "").join(": ");
}
