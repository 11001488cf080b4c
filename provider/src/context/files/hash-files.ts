import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { abortable } from "../../support/abortable.ts";
import { breathe } from "../breathe.ts";
import { changed, unreadable } from "../context-path.ts";
import { countUnread, isUnread, type FileTable } from "./file-table.ts";
import { createFileHasher } from "./hash-file.ts";
import { hashRow, takeAllRows, takeRows, type HashJob } from "./hash-rows.ts";

// A helper is there 30 ms after it was called, and costs this thread next to nothing (measured). It is called when the first files show
// that twice that time is left: nothing has to be known of the files, and a slow disk counts as it should.
const lookMs = 5;
const worthwhileMs = 60;
const maxHelpers = 7;

export interface Helper {
  /** Resolves when it will fill no more rows, for whatever reason. */
  readonly done: Promise<unknown>;
  readonly stop: () => Promise<unknown>;
}

/** The threads that may help. */
export interface Helpers {
  readonly most: number;
  readonly start: (job: HashJob) => Helper;
}

const otherCores: Helpers = { most: Math.min(availableParallelism() - 1, maxHelpers), start: startWorker };

/**
 * Reads the file of every row that is still unread, and fills the row. Reading in order, synchronously, is ten times faster than promises
 * for each file; what takes long is shared with other cores. Rejects with "context-changed" or "context-unreadable".
 */
export async function hashFiles(
  root: string,
  paths: readonly string[],
  table: FileTable,
  signal: AbortSignal,
  threads: Helpers = otherCores,
): Promise<void> {
  let left = countUnread(table);
  if (left === 0) return;
  const counter = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const hashFile = createFileHasher();
  const pause = breathe(signal);
  const startedAt = performance.now();
  let read = 0;
  let helpers: readonly Helper[] = [];
  try {
    for (let { from, to } = takeRows(counter, paths.length); from < to; { from, to } = takeRows(counter, paths.length)) {
      await readRows(from, to);
      if (helpers.length === 0 && helpPays()) helpers = callHelpers();
    }
    if (countUnread(table) > 0) await abortable(Promise.all(helpers.map(({ done }) => done)), signal);
    // What a helper could not read, this thread can, or says what is wrong with it.
    await readRows(0, paths.length);
  } finally {
    takeAllRows(counter, paths.length);
    await Promise.all(helpers.map(({ stop }) => stop()));
  }

  async function readRows(from: number, to: number): Promise<void> {
    for (let row = from; row < to; row += 1) {
      if (!isUnread(table, row)) continue;
      const waiting = pause();
      if (waiting !== undefined) await waiting;
      readHere(row, paths[row] ?? "");
      read += 1;
      left -= 1;
    }
  }

  function readHere(row: number, path: string): void {
    let whole;
    try {
      whole = hashRow(root, path, table, row, hashFile);
    } catch (error) {
      throw unreadable(path, error);
    }
    if (!whole) throw changed(path);
  }

  function helpPays(): boolean {
    const elapsed = performance.now() - startedAt;
    return read > 0 && elapsed > lookMs && (elapsed / read) * left > worthwhileMs;
  }

  function callHelpers(): readonly Helper[] {
    const job = { root, paths, table: table.memory, counter: counter.buffer };
    return Array.from({ length: threads.most }, () => threads.start(job));
  }
}

function startWorker(job: HashJob): Helper {
  // The bundle keeps the helper's script beside itself; a checkout runs the source.
  const script = import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.mjs";
  const worker = new Worker(new URL(script, import.meta.url));
  const done = new Promise((resolve) => {
    // A helper that fails leaves its rows unread, and those are read here.
    for (const event of ["message", "error", "exit"]) worker.once(event, resolve);
  });
  worker.postMessage(job);
  return { done, stop: () => worker.terminate() };
}
