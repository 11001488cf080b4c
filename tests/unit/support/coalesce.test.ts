import assert from "node:assert/strict";
import { coalesce } from "../../../provider/src/support/coalesce.ts";
import { manualClock } from "../../support/manual-clock.ts";

const { signal } = new AbortController();

function squares(options: { fail?: boolean } = {}) {
  const clock = manualClock();
  const calls: number[][] = [];
  const ask = coalesce<number, number>({
    clock,
    windowMs: 20,
    maxBatch: 3,
    run: async (keys) => {
      calls.push([...keys]);
      if (options.fail === true) throw new Error("no answer");
      return new Map(keys.filter((key) => key < 100).map((key) => [key, key * key]));
    },
  });
  return { clock, calls, ask };
}

describe("coalescing", () => {
  it("makes one call of what is asked within the window, each key once", async () => {
    const { clock, calls, ask } = squares();
    const answers = Promise.all([ask(1, signal), ask(2, signal), ask(1, signal), ask(100, signal)]);
    await clock.advance(100);
    assert.deepEqual(await answers, [1, 4, 1, undefined]);
    assert.deepEqual(calls, [[1, 2, 100]]);
  });

  it("opens another call when one is full, and another after the window", async () => {
    const { clock, calls, ask } = squares();
    const answers = Promise.all([1, 2, 3, 4].map((key) => ask(key, signal)));
    await clock.advance(100);
    const late = ask(1, signal);
    await clock.advance(100);
    await answers;
    await late;
    assert.deepEqual(calls, [[1, 2, 3], [4], [1]]);
  });

  it("waits while callers keep coming, also for keys it has already, but no longer than fifty windows", async () => {
    const { clock, calls, ask } = squares();
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < 70; i++) {
      answers.push(ask(i % 2, signal));
      await clock.advance(15);
    }
    await clock.advance(100);
    await Promise.all(answers);
    assert.deepEqual(calls, [
      [0, 1],
      [1, 0],
    ]);
  });

  it("frees a caller that aborts and serves the others", async () => {
    const { clock, ask } = squares();
    const controller = new AbortController();
    const gone = ask(1, controller.signal);
    const kept = ask(2, signal);
    controller.abort(new Error("gone"));
    await assert.rejects(gone, /gone/);
    await clock.advance(100);
    assert.equal(await kept, 4);
  });

  it("fails every caller of a call that failed, and asks anew the next time", async () => {
    const { clock, calls, ask } = squares({ fail: true });
    const answers = Promise.allSettled([ask(1, signal), ask(2, signal)]);
    await clock.advance(100);
    assert.deepEqual(
      (await answers).map(({ status }) => status),
      ["rejected", "rejected"],
    );
    const again = ask(1, signal);
    again.catch(() => undefined);
    await clock.advance(100);
    await assert.rejects(again, /no answer/);
    assert.equal(calls.length, 2);
  });
});
