import assert from "node:assert/strict";
import { Readable } from "node:stream";
import sinon from "sinon";
import { inTurn } from "../../../../provider/src/context/shipping/upload-turn.ts";
import { manualClock, settle } from "../../../support/manual-clock.ts";
import { memoryStore } from "../../../support/memory-store.ts";

const key = "cloudbuild/contexts/large.tar.gz";
const { signal } = new AbortController();

/** Uploads that a test ends as it likes. */
function scene() {
  const [clock, store] = [manualClock(), memoryStore()];
  const take = (upload: () => Promise<void>, abort = signal): Promise<void> => inTurn(key, upload, store, clock, abort);
  const stored = (): Promise<void> => store.put(key, () => Readable.from([Buffer.from("whole")], { objectMode: false }), signal);
  const never = sinon.spy(() => new Promise<void>(() => undefined));
  return { clock, store, take, stored, never };
}

describe("uploading in turn", () => {
  it("uploads at once where nobody else does, also after somebody did", async () => {
    const { take, store, clock } = scene();
    for (const round of [1, 2]) {
      const upload = sinon.spy(async () => undefined);
      await take(upload);
      sinon.assert.calledOnce(upload);
      assert.equal(clock.now(), 0, `round ${round}`);
    }
    assert.deepEqual([...store.objects.values()].map(String), ["nobody\n"]);
  });

  it("waits for who is at it as long as that one says so, and then has nothing to do", async () => {
    const { take, stored, clock } = scene();
    let finish = (): void => undefined;
    const first = take(async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      await stored();
    });
    await settle();
    const upload = sinon.spy(async () => undefined);
    let over = false;
    const second = take(upload).then(() => (over = true));
    await clock.advance(110_000);
    assert.equal(over, false);
    finish();
    await first;
    await clock.advance(1000);
    await second;
    sinon.assert.notCalled(upload);
  });

  it("takes over from who was killed, after twenty seconds", async () => {
    const { take, store, clock, never } = scene();
    // As if killed: its note never changes again.
    void inTurn(key, never, store, { ...clock, sleep: () => new Promise(() => undefined) }, signal);
    await settle();
    const upload = sinon.spy(async () => undefined);
    const second = take(upload);
    await clock.advance(19_000);
    sinon.assert.notCalled(upload);
    await clock.advance(2000);
    await second;
    sinon.assert.calledOnce(upload);
  });

  it("takes over at once from who failed", async () => {
    const { take, clock } = scene();
    let fail = (_: Error): void => undefined;
    const first = take(() => new Promise<void>((_, reject) => (fail = reject)));
    await settle();
    const upload = sinon.spy(async () => undefined);
    const second = take(upload);
    await settle();
    fail(new Error("the source broke"));
    await assert.rejects(first, /the source broke/);
    await clock.advance(1000);
    await second;
    sinon.assert.calledOnce(upload);
  });

  it("does not wait longer than two minutes for a slow one, and leaves its note alone", async () => {
    const { take, store, clock, never } = scene();
    void take(never);
    await settle();
    let finish = (): void => undefined;
    const upload = sinon.spy(() => new Promise<void>((resolve) => (finish = resolve)));
    const second = take(upload);
    await clock.advance(119_000);
    sinon.assert.notCalled(upload);
    await clock.advance(2000);
    sinon.assert.calledOnce(upload);
    for (const noteKey of store.objects.keys()) store.objects.set(noteKey, Buffer.from("the slow one 25\n"));
    finish();
    await second;
    assert.deepEqual([...store.objects.values()].map(String), ["the slow one 25\n"]);
  });

  it("sends nothing when somebody was done since the caller looked", async () => {
    const { take, stored, never, store } = scene();
    await take(stored);
    await take(never);
    sinon.assert.notCalled(never);
    assert.ok([...store.objects.values()].some((note) => note.toString() === "nobody\n"));
  });

  it("uploads where the note can be neither read nor written, and where a beat fails", async () => {
    const denied = (): Promise<never> => Promise.reject(new Error("denied"));
    const unreadable = async (): Promise<undefined> => undefined;
    for (const broken of [{ get: denied }, { put: denied }, { get: unreadable }, { replace: denied }]) {
      const { store, clock } = scene();
      const upload = sinon.spy(() => clock.sleep(12_000));
      const done = inTurn(key, upload, { ...store, ...broken }, clock, signal);
      await clock.advance(13_000);
      await done;
      sinon.assert.calledOnce(upload);
    }
  });

  it("leaves the note free when it is cancelled", async () => {
    const { take, store } = scene();
    const controller = new AbortController();
    const first = take(
      () => new Promise((_, reject) => controller.signal.addEventListener("abort", () => reject(controller.signal.reason as Error))),
      controller.signal,
    );
    await settle();
    controller.abort(new Error("enough"));
    await assert.rejects(first, /enough/);
    assert.deepEqual([...store.objects.values()].map(String), ["nobody\n"]);
  });

  it("stops waiting when it is told to", async () => {
    const { take, never } = scene();
    void take(never);
    await settle();
    const controller = new AbortController();
    const second = take(never, controller.signal);
    await settle();
    controller.abort(new Error("enough"));
    await assert.rejects(second, /enough/);
    sinon.assert.calledOnce(never);
  });
});
