import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { Clock } from "../../support/clock.ts";
import type { ContextStore } from "./context-store.ts";

// Who uploads says so every few seconds. Whoever has not said anything for some of these is gone.
const beatMs = 5000;
const goneMs = 20_000;
const lookMs = 1000;
// Whoever is at it may be a slow one.
const patienceMs = 120_000;

const nobody = Buffer.from("nobody\n");

type Turn = "ours" | "done" | "noNote";

/**
 * Uploads an object unless another process does just that: then waits until the object is there. A note beside it in the store tells who is at
 * it, by changing. Of an uploader whose note has not changed for twenty seconds, or that is not done after two minutes, the work is taken over.
 * Uploading is always right, it only may be in vain: so that is done, too, where the note can be neither read nor written.
 */
export async function inTurn(
  key: string,
  upload: () => Promise<void>,
  store: Pick<ContextStore, "stat" | "get" | "put" | "replace">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const noteKey = `cloudbuild/uploads/${createHash("sha256").update(key).digest("hex")}`;
  const self = `${randomUUID()}\n`;
  const turn = await waited().catch((): Turn => {
    signal.throwIfAborted();
    return "noNote";
  });
  if (turn === "done") return;
  const done = new AbortController();
  const beating = turn === "ours" ? beat(done.signal) : undefined;
  try {
    await upload();
  } finally {
    done.abort();
    await beating;
    // Also when it failed or was cancelled, so that nobody waits for it.
    if (turn === "ours") await leave();
  }

  async function waited(): Promise<Turn> {
    const since = clock.now();
    let last: Buffer | undefined;
    let changedAt = since;
    for (;;) {
      const note = await store.get(noteKey, signal);
      const now = clock.now();
      if (note === undefined || last?.equals(note) !== true) [last, changedAt] = [note, now];
      if (note === undefined || note.equals(nobody) || now - changedAt >= goneMs || now - since >= patienceMs) {
        const claimed = await claim(note);
        if (claimed === undefined) return "noNote";
        if (claimed) {
          // Somebody may have been done since the caller looked.
          if ((await store.stat(key, signal)) === undefined) return "ours";
          await leave();
          return "done";
        }
      }
      await clock.sleep(lookMs, signal);
      if ((await store.stat(key, signal)) !== undefined) return "done";
    }
  }

  /** Whether it is our turn; undefined where nobody can tell. */
  async function claim(note: Buffer | undefined): Promise<boolean | undefined> {
    const own = Buffer.from(self);
    if (note === undefined) await store.put(noteKey, () => Readable.from([own], { objectMode: false }), signal);
    else await store.replace(noteKey, own, signal);
    return (await store.get(noteKey, signal))?.equals(own);
  }

  async function beat(until: AbortSignal): Promise<void> {
    for (let count = 1; !until.aborted; count += 1) {
      try {
        await clock.sleep(beatMs, until);
        await store.replace(noteKey, Buffer.from(`${self}${count}\n`), AbortSignal.any([until, AbortSignal.timeout(beatMs)]));
      } catch {
        // Nothing depends on it but the patience of others.
      }
    }
  }

  async function leave(): Promise<void> {
    try {
      const soon = AbortSignal.timeout(beatMs);
      const note = await store.get(noteKey, soon);
      if (note?.toString().startsWith(self) === true) await store.replace(noteKey, nobody, soon);
    } catch {
      // Whoever waits takes over after a while.
    }
  }
}
