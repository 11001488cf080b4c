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

describe("observationOf", () => {
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
