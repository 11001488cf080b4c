import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { breathe } from "./breathe.ts";
import type { ContextEntry, ContextFile, HashedEntry } from "./context-entry.ts";
import { absolutePath, changed, unreadable } from "./context-path.ts";
import { createFileHasher, type FileFacts } from "./hash-file.ts";
import type { HashAnswer } from "./hash-worker.ts";

// A helper takes 40 ms of two cores to start (measured): it is called when this thread has been at it for longer than that, and has much
// left. Nothing has to be known of the files for that.
const aloneMs = 80;
const worthwhileBatches = 40;
const maxHelpers = 7;
const batchFiles = 32;
// This thread listens only every 25 ms: a helper is given enough for longer than that, but never a large part of what is left.
const batchesAhead = 32;
const shareAhead = 1 / 6;

/**
 * Reads every file, and adds what it holds. Reading in order, synchronously, is ten times faster than promises for each file; what takes
 * long is shared with as many threads as there are cores.
 */
export async function hashFiles(root: string, entries: readonly ContextEntry[], signal: AbortSignal): Promise<HashedEntry[]> {
  const files = entries.filter((entry) => entry.kind === "file");
  const facts = await readAll(root, files, signal);
  return entries.map((entry) => (entry.kind === "file" ? { ...entry, ...factsOf(entry, facts) } : entry));
}

function factsOf(file: ContextFile, facts: ReadonlyMap<ContextFile, FileFacts>): FileFacts {
  const found = facts.get(file);
  if (found === undefined) throw new Error(`"${file.path}" was not read`);
  return found;
}

async function readAll(root: string, files: readonly ContextFile[], signal: AbortSignal): Promise<ReadonlyMap<ContextFile, FileFacts>> {
  const facts = new Map<ContextFile, FileFacts>();
  // The last batch is taken first.
  const batches = batched(files).reverse();
  const helpers: Helper[] = [];
  try {
    await readHere();
    await Promise.all(helpers.map(({ done }) => done));
    signal.throwIfAborted();
  } finally {
    await Promise.all(helpers.map(({ stop }) => stop()));
  }
  return facts;

  async function readHere(): Promise<void> {
    const hashFile = createFileHasher();
    const pause = breathe(signal);
    const startedAt = performance.now();
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      for (const file of batch) {
        const waiting = pause();
        if (waiting !== undefined) await waiting;
        keep(file, readOne(file, hashFile));
      }
      if (helpers.length === 0 && batches.length > worthwhileBatches && performance.now() - startedAt > aloneMs) callHelpers();
    }
  }

  function readOne(file: ContextFile, hashFile: ReturnType<typeof createFileHasher>): HashAnswer {
    try {
      return hashFile(absolutePath(root, file.path)) ?? { changed: true };
    } catch (error) {
      throw unreadable(file.path, error);
    }
  }

  function callHelpers(): void {
    const count = Math.min(availableParallelism() - 1, maxHelpers);
    const next = (under: number): readonly ContextFile[] | undefined =>
      signal.aborted || under >= Math.max(1, Math.min(batchesAhead, batches.length * shareAhead)) ? undefined : batches.pop();
    for (let i = 0; i < count; i += 1) helpers.push(startHelper(root, next, keep));
  }

  function keep(file: ContextFile, answer: HashAnswer): void {
    if ("sha256" in answer) facts.set(file, answer);
    else if ("changed" in answer) throw changed(file.path);
    else throw unreadable(file.path, Object.assign(new Error(answer.code), { code: answer.code }));
  }
}

interface Helper {
  /** Resolves when there is nothing left for it; rejects with what was wrong with a file. */
  readonly done: Promise<void>;
  readonly stop: () => Promise<unknown>;
}

/** A thread that reads batches. `next` is told how many are on their way to it, and answers one more or none. */
function startHelper(
  root: string,
  next: (under: number) => readonly ContextFile[] | undefined,
  keep: (file: ContextFile, answer: HashAnswer) => void,
): Helper {
  // The bundle keeps the helper's script beside itself; a checkout runs the source.
  const script = import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.mjs";
  const worker = new Worker(new URL(script, import.meta.url));
  const sent: (readonly ContextFile[])[] = [];
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const send = (): void => {
    for (let batch = next(sent.length); batch !== undefined; batch = next(sent.length)) {
      sent.push(batch);
      worker.postMessage(batch.map(({ path }) => absolutePath(root, path)));
    }
  };
  worker.once("error", reject);
  worker.on("message", (answers: readonly HashAnswer[]) => {
    try {
      sent.shift()?.forEach((file, i) => keep(file, answers[i] ?? { changed: true }));
      send();
      if (sent.length === 0) resolve();
    } catch (error) {
      reject(error);
    }
  });
  // Whoever waits for it may come later than its failure.
  done.catch(() => undefined);
  send();
  if (sent.length === 0) resolve();
  return { done, stop: () => worker.terminate() };
}

function batched(files: readonly ContextFile[]): ContextFile[][] {
  return Array.from({ length: Math.ceil(files.length / batchFiles) }, (_, i) => files.slice(i * batchFiles, (i + 1) * batchFiles));
}
