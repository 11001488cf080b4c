import assert from "node:assert/strict";
import type { Build, BuildPhase } from "@aws-sdk/client-codebuild";
import { observationOf } from "../../../../provider/src/backends/codebuild/observation.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";

const digest = `sha256:${"0".repeat(64)}`;
const times = { startTime: new Date(1000), endTime: new Date(84_400) };
const logs = { groupName: "/aws/codebuild/b", streamName: "s", deepLink: "https://console/log" };
const log = { log: { group: "/aws/codebuild/b", stream: "s" }, logsUrl: "https://console/log" };
const failedPhase: BuildPhase = {
  phaseType: "BUILD",
  phaseStatus: "FAILED",
  contexts: [
    {
      statusCode: "COMMAND_EXECUTION_ERROR",
      message: "Error while executing command: docker buildx build --build-arg 'TOKEN=x'. Reason: exit status 1",
    },
  ],
};

const deltas = [{ type: "S3" as const, location: "b/k", sourceIdentifier: "delta1" }];
const failedWith = (phaseType: "BUILD" | "DOWNLOAD_SOURCE", statusCode: string, message: string): Build => ({
  buildStatus: "FAILED",
  phases: [{ phaseType, phaseStatus: "FAILED", contexts: [{ statusCode, message }] }],
});
const broken = failedWith("BUILD", "COMMAND_EXECUTION_ERROR", "Error while executing command: tar x || (exit 79). Reason: exit status 79");
const gone = failedWith("DOWNLOAD_SOURCE", "CLIENT_ERROR", "error while downloading key k, error: NoSuchKey");

describe("observationOf", () => {
  for (const { name, build, contextBroken } of [
    { name: "ended by the recipe's own status", build: { ...broken, secondarySources: deltas }, contextBroken: true },
    { name: "that lacked a part", build: { ...gone, secondarySources: deltas }, contextBroken: true },
    { name: "of a whole context that ended so", build: broken, contextBroken: undefined },
    { name: "of a whole context that was gone", build: gone, contextBroken: undefined },
    {
      name: "that failed by itself",
      build: {
        ...failedWith("BUILD", "COMMAND_EXECUTION_ERROR", "Error while executing command: x 79. Reason: exit status 1"),
        secondarySources: deltas,
      },
      contextBroken: undefined,
    },
    {
      name: "whose recipe was refused",
      build: { ...failedWith("DOWNLOAD_SOURCE", "YAML_FILE_ERROR", "no"), secondarySources: deltas },
      contextBroken: undefined,
    },
    { name: "that succeeded", build: { buildStatus: "SUCCEEDED" as const, secondarySources: deltas }, contextBroken: undefined },
  ]) {
    it(`tells by a build ${name} whether its context was broken`, () => {
      const observation = observationOf(build);
      assert.equal("contextBroken" in observation ? observation.contextBroken : undefined, contextBroken);
    });
  }

  const cases: { name: string; build: Build; expected: object }[] = [
    {
      name: "a build that waits",
      build: { buildStatus: "IN_PROGRESS", currentPhase: "QUEUED" },
      expected: { kind: "running", queued: true, phase: "queued" },
    },
    {
      name: "a build under way",
      build: { buildStatus: "IN_PROGRESS", currentPhase: "BUILD", logs },
      expected: { kind: "running", queued: false, phase: "building", ...log },
    },
    {
      name: "a success with its digest",
      build: { buildStatus: "SUCCEEDED", ...times, logs, exportedEnvironmentVariables: [{ name: "CLOUDBUILD_DIGEST", value: digest }] },
      expected: { kind: "succeeded", seconds: 83.4, digest, ...log },
    },
    {
      name: "a success that says no digest",
      build: { buildStatus: "SUCCEEDED", ...times },
      expected: { kind: "succeeded", seconds: 83.4 },
    },
    {
      name: "a failure, without the command and the values in it",
      build: {
        buildStatus: "FAILED",
        ...times,
        phases: [{ phaseType: "PRE_BUILD", phaseStatus: "SUCCEEDED" }, failedPhase, { phaseType: "COMPLETED" }],
      },
      expected: { kind: "failed", seconds: 83.4, phase: "BUILD", messages: ["COMMAND_EXECUTION_ERROR: exit status 1"] },
    },
    { name: "a fault", build: { buildStatus: "FAULT", ...times }, expected: { kind: "faulted", seconds: 83.4, messages: [] } },
    { name: "a timeout", build: { buildStatus: "TIMED_OUT", ...times }, expected: { kind: "timedOut", seconds: 83.4, messages: [] } },
    { name: "a stop", build: { buildStatus: "STOPPED", ...times }, expected: { kind: "stopped", seconds: 83.4, messages: [] } },
    {
      name: "the placeholder link before there is a log",
      build: { buildStatus: "IN_PROGRESS", currentPhase: "SUBMITTED", logs: { deepLink: "https://console/null" } },
      expected: { kind: "running", queued: true, phase: "queued" },
    },
  ];
  for (const { name, build, expected } of cases) it(`reads ${name}`, () => assert.deepEqual(observationOf(build), expected));

  it("refuses a status it does not know, by name", () => {
    assert.throws(
      () => observationOf({ buildStatus: "EXPLODED" as "FAILED" }),
      (error) => hasCode(error, "cloud-unavailable") && /"EXPLODED"/.test(error.message),
    );
  });
});
