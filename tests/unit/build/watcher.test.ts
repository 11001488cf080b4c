import assert from "node:assert/strict";
import type { BuildBackend, BuildId, Observation } from "../../../provider/src/build/build-backend.ts";
import { createWatcher } from "../../../provider/src/build/watcher.ts";
import { hasCode } from "../../../provider/src/errors/cloudbuild-error.ts";
import { manualClock } from "../../support/manual-clock.ts";

const { signal } = new AbortController();
const follower = { follow() {}, unfollow() {}, async poll() {} };

/** Builds that end at a time; `failing` calls fail first. */
function watching(ends: Readonly<Record<BuildId, number>>, options: { failing?: number; maxObserved?: number } = {}) {
  const clock = manualClock();
  const calls: (readonly BuildId[])[] = [];
  let failing = options.failing ?? 0;
  const observe = async (ids: readonly BuildId[]): Promise<Map<BuildId, Observation>> => {
    calls.push(ids);
    if (failing > 0) {
      failing -= 1;
      throw new Error("no answer");
    }
    return new Map(
      ids.flatMap((id): [BuildId, Observation][] => {
        const end = ends[id];
        if (end === undefined) return [];
        return [
          [id, clock.now() >= end ? { kind: "succeeded", seconds: end / 1000 } : { kind: "running", queued: false, phase: "building" }],
        ];
      }),
    );
  };
  const unexpected = () => assert.fail("the watcher only observes");
  const backend: BuildBackend = {
    maxObserved: options.maxObserved ?? 100,
    observe,
    find: unexpected,
    start: unexpected,
    stop: unexpected,
    release: unexpected,
    logs: { read: unexpected, tail: unexpected },
  };
  return { clock, calls, watcher: createWatcher({ backend, clock, follower }) };
}

describe("the watcher", () => {
  it("costs at most 150 calls for a hundred builds of five minutes, and sees each end within 2.2 s", async () => {
    const ends = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`b${i}`, 300_000 + i * 13]));
    const { clock, calls, watcher } = watching(ends);
    const late: number[] = [];
    const all = Promise.all(
      Object.entries(ends).map(async ([id, end]) => {
        await watcher.watch(id, signal, () => undefined);
        late.push(clock.now() - end);
      }),
    );
    await clock.advance(310_000);
    await all;
    assert.ok(calls.length <= 150, `${calls.length} calls`);
    assert.ok(Math.max(...late) <= 2200, `${Math.max(...late)} ms`);
    assert.equal(clock.sleeping, 0, "nothing waits when no build does");
  });

  it("asks in calls no larger than the backend takes", async () => {
    const { clock, calls, watcher } = watching({ a: 0, b: 0, c: 0 }, { maxObserved: 2 });
    const all = Promise.all(["a", "b", "c"].map((id) => watcher.watch(id, signal, () => undefined)));
    await clock.advance(1000);
    await all;
    assert.deepEqual(calls, [["a", "b"], ["c"]]);
  });

  it("never fails a build because a call failed, and asks less often meanwhile", async () => {
    const { clock, calls, watcher } = watching({ a: 60_000 }, { failing: 10 });
    const settled = watcher.watch("a", signal, () => undefined);
    await clock.advance(60_000);
    assert.ok(calls.length < 10, `${calls.length} calls in a minute of failures`);
    await clock.advance(600_000);
    assert.equal((await settled).kind, "succeeded");
  });

  it("says that a build is lost when the cloud goes on not knowing it", async () => {
    const { clock, watcher } = watching({});
    const settled = watcher.watch("ghost", signal, () => undefined);
    settled.catch(() => undefined);
    await clock.advance(60_000);
    await assert.rejects(settled, (error) => hasCode(error, "build-lost") && error.message.includes('"ghost"'));
  });

  it("frees a caller that aborts and goes on for the others", async () => {
    const { clock, watcher } = watching({ a: 5000 });
    const controller = new AbortController();
    const gone = watcher.watch("a", controller.signal, () => undefined);
    const kept = watcher.watch("a", signal, () => undefined);
    gone.catch(() => undefined);
    controller.abort(new Error("gone"));
    await assert.rejects(gone, /gone/);
    await clock.advance(10_000);
    assert.equal((await kept).kind, "succeeded");
  });
});
