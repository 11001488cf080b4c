import assert from "node:assert/strict";
import { followBuild, type FollowedBuild } from "../../../provider/src/build/follow-build.ts";
import { createLogFollower } from "../../../provider/src/build/log-follower.ts";
import { createWatcher } from "../../../provider/src/build/watcher.ts";
import { throttledStatus } from "../../../provider/src/rpc/engine-log.ts";
import { buildRequest } from "../../support/build-request.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { memoryBackend } from "../../support/memory-backend.ts";
import { recordedOperation } from "../../support/operation.ts";

describe("following a build", () => {
  /** Follows a build of ten seconds, and answers what was said and how often its log was read. */
  async function follow(logs: FollowedBuild["logs"], buildArgs: Readonly<Record<string, string>> = {}) {
    const clock = manualClock();
    const request = { ...buildRequest(), buildArgs };
    const memory = memoryBackend({ clock, projects: [request.project], seconds: 10 });
    const reads = { read: 0, tail: 0 };
    const backend = {
      ...memory,
      logs: {
        read: (...args: Parameters<typeof memory.logs.read>) => ((reads.read += 1), memory.logs.read(...args)),
        tail: (...args: Parameters<typeof memory.logs.tail>) => ((reads.tail += 1), memory.logs.tail(...args)),
      },
    };
    const follower = createLogFollower({ logs: backend.logs, clock });
    const operation = recordedOperation();
    const { id } = await backend.start(request, undefined, operation);
    const watcher = createWatcher({ backend, clock, follower });
    const done = followBuild({ id, ours: true, logs }, { backend, watcher, follower, clock }, operation);
    const [settled] = await Promise.all([Promise.allSettled([done]), clock.advance(60_000)]);
    const said = (kind: string) => operation.said.filter((line) => line.kind === kind).map(({ text }) => text);
    return { settled: settled[0], statuses: said("status"), infos: said("info"), reads };
  }

  const line = "#1 [1/1] RUN something";
  const table: readonly (readonly [FollowedBuild["logs"], step: boolean, infos: readonly string[], read: boolean])[] = [
    ["off", false, [], false],
    ["errors", false, [], false],
    ["summary", true, [], true],
    ["full", true, [line], true],
  ];
  for (const [logs, step, infos, read] of table) {
    it(`shows of the log of a build what "${logs}" says`, async () => {
      const followed = await follow(logs);
      assert.equal(followed.settled.status, "fulfilled");
      assert.match(followed.statuses[0] ?? "", /^building \(\d+s\)$/, "the phase and the time come first");
      assert.equal(
        followed.statuses.some((status) => /^building \(\d+s\) .*RUN something/.test(status)),
        step,
        followed.statuses.join("\n"),
      );
      assert.deepEqual(followed.infos, infos);
      assert.deepEqual([followed.reads.read > 0, followed.reads.tail], [read, 0]);
    });

    it(`looks for the failing step unless the log is "off": "${logs}"`, async () => {
      const followed = await follow(logs, { FAIL: "1" });
      assert.equal(followed.settled.status, "rejected");
      assert.equal(followed.reads.tail, logs === "off" ? 0 : 1);
    });
  }

  it("shows one live line, and changes it at most once a second", async () => {
    const clock = manualClock();
    const sent: string[] = [];
    const status = throttledStatus(clock, (text) => sent.push(text));
    for (let i = 0; i < 30; i += 1) {
      status(`building (${i})`);
      status(`building (${i})`);
      await clock.advance(100);
    }
    status("");
    status("");
    assert.deepEqual(sent, ["building (0)", "building (10)", "building (20)", ""]);
  });
});
