import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { Clock } from "../../support/clock.ts";
import type { ContextStore } from "./context-store.ts";

// Who uploads says so every few seconds. Whoever has not said anything for some of these is gone.
const beatMs = 5000;
const goneMs = 20_000;
const lookMs = 1000;

const nobody = Buffer.from("nobody\n");

/**
 * Uploads an object unless another process does just that: then waits until the object is there. A note beside it in the store tells who is at
 * it, by changing. Of an uploader whose note has not changed for twenty seconds the work is taken over. Two that begin in the same moment may
 * both upload, as without this; the object is the one or the other, whole.
 */
export async function inTurn(
  key: string,
  upload: () => Promise<void>,
  store: Pick<ContextStore, "stat" | "get" | "put" | "replace">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const noteKey = `cloudbuild/uploads/${createHash("sha256").update(key).digest("hex")}`;
  const self = randomUUID();
  let last: Buffer | undefined;
  let changedAt = clock.now();
  for (;;) {
    const note = await store.get(noteKey, signal);
    if (note === undefined || last?.equals(note) !== true) [last, changedAt] = [note, clock.now()];
    if (note === undefined || note.equals(nobody) || clock.now() - changedAt >= goneMs) {
      if (await claimed(note)) return working();
    }
    await clock.sleep(lookMs, signal);
    if ((await store.stat(key, signal)) !== undefined) return;
  }

  async function claimed(note: Buffer | undefined): Promise<boolean> {
    const own = Buffer.from(`${self} 0\n`);
    if (note === undefined) await store.put(noteKey, () => Readable.from([own], { objectMode: false }), signal);
    else await store.replace(noteKey, own, signal);
    return (await store.get(noteKey, signal))?.equals(own) === true;
  }

  async function working(): Promise<void> {
    const done = new AbortController();
    const beating = beat(done.signal).catch(() => undefined);
    try {
      await upload();
    } finally {
      done.abort();
      await beating;
      // Also when it failed or was cancelled, so that nobody waits for it. Nothing depends on it.
      await store.replace(noteKey, nobody, AbortSignal.timeout(beatMs)).catch(() => undefined);
    }
  }

  async function beat(until: AbortSignal): Promise<void> {
    for (let count = 1; ; count += 1) {
      await clock.sleep(beatMs, until);
      await store.replace(noteKey, Buffer.from(`${self} ${count}\n`), until);
    }
  }
}
