import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { abortable } from "../../support/abortable.ts";
import { breathe } from "../breathe.ts";
import { changed, unreadable } from "../context-path.ts";
import { batchFiles, countUnread, createFileBatch, type FileBatch } from "./file-batch.ts";
import { isUnread } from "./file-table.ts";
import { createFileHasher } from "./hash-file.ts";
import { hashRow, takeAllRows, takeRows, toJob, type HashJob } from "./hash-rows.ts";

// A helper is there 30 ms after it was called, and costs this thread next to nothing (measured). It is called when the first files show
// that twice that time is left: nothing has to be known of the files, and a slow disk counts as it should.
const lookMs = 5;
const worthwhileMs = 60;
// So many files take that long even when there is nothing in them.
const surelyWorthwhile = 2 * batchFiles;
const maxHelpers = 7;

export interface Helper {
  /** Resolves when it will fill no more rows of this, for whatever reason. */
  give(job: HashJob): Promise<unknown>;
  stop(): Promise<unknown>;
}

/** The threads that may help. */
export interface Helpers {
  readonly most: number;
  readonly start: () => Helper;
}

const otherCores: Helpers = { most: Math.min(availableParallelism() - 1, maxHelpers), start: startWorker };

export interface HashFilesOptions {
  readonly signal: AbortSignal;
  /** Whether helpers may begin while files are still being added: every file will have to be read. */
  readonly eager: boolean;
  readonly threads?: Helpers;
}

/** The files of a context, on their way from being found to being read. */
export interface FilesHasher {
  add(path: string): void;
  /** All files that were added, in that order. */
  readonly batches: readonly FileBatch[];
  /** Reads every file whose row is still unread, and fills the row. Rejects with "context-changed" or "context-unreadable". */
  finish(): Promise<void>;
  /** To be awaited at the end, whatever happened. */
  stop(): Promise<void>;
}

/**
 * Hashes files. Reading in order, synchronously, is ten times faster than promises for each file; what takes long is shared with other cores,
 * which begin with the first files while this thread finds more, and meet it coming from the last.
 */
export function createFilesHasher(root: string, { signal, eager, threads = otherCores }: HashFilesOptions): FilesHasher {
  const batches: FileBatch[] = [];
  const hashFile = createFileHasher();
  let helpers: readonly Helper[] = [];
  const given: Promise<unknown>[] = [];
  let handedOut = 0;

  function callHelpers(): void {
    if (helpers.length === 0) helpers = Array.from({ length: threads.most }, () => threads.start());
  }

  function handOut(): void {
    if (helpers.length === 0) return;
    for (const batch of batches.slice(handedOut)) {
      const job = toJob(root, batch);
      for (const helper of helpers) given.push(helper.give(job));
    }
    handedOut = batches.length;
  }

  async function readRows(batch: FileBatch, from: number, to: number, pause: () => Promise<void> | void): Promise<number> {
    let read = 0;
    for (let row = from; row < to; row += 1) {
      if (!isUnread(batch.table, row)) continue;
      const waiting = pause();
      if (waiting !== undefined) await waiting;
      readHere(batch, row);
      read += 1;
    }
    return read;
  }

  function readHere({ paths, table }: FileBatch, row: number): void {
    const path = paths[row] ?? "";
    let whole;
    try {
      whole = hashRow(root, path, table, row, hashFile);
    } catch (error) {
      throw unreadable(path, error);
    }
    if (!whole) throw changed(path);
  }

  return {
    batches,
    add(path) {
      let batch = batches.at(-1);
      if (batch === undefined || batch.paths.length === batchFiles) {
        if (eager && batches.length * batchFiles >= surelyWorthwhile) {
          callHelpers();
          handOut();
        }
        batch = createFileBatch();
        batches.push(batch);
      }
      batch.paths.push(path);
    },
    async finish() {
      const unread = batches.reduce((sum, batch) => sum + countUnread(batch), 0);
      if (unread === 0) return;
      handOut();
      const pause = breathe(signal);
      const startedAt = performance.now();
      let read = 0;
      const helpPays = (): boolean => {
        const elapsed = performance.now() - startedAt;
        return read > 0 && elapsed > lookMs && (elapsed / read) * (unread - read) > worthwhileMs;
      };
      for (const batch of batches.toReversed()) {
        for (let { from, to } = takeRows(batch); from < to; { from, to } = takeRows(batch)) {
          read += await readRows(batch, from, to, pause);
          if (helpers.length > 0 || !helpPays()) continue;
          callHelpers();
          handOut();
        }
      }
      if (batches.some((batch) => countUnread(batch) > 0)) await abortable(Promise.all(given), signal);
      // What a helper could not read, this thread can, or says what is wrong with it.
      for (const batch of batches) await readRows(batch, 0, batch.paths.length, pause);
    },
    async stop() {
      for (const batch of batches) takeAllRows(batch);
      await Promise.all(helpers.map((helper) => helper.stop()));
    },
  };
}

function startWorker(): Helper {
  // The bundle keeps the helper's script beside itself; a checkout runs the source.
  const script = import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.mjs";
  const worker = new Worker(new URL(script, import.meta.url));
  const waiting: (() => void)[] = [];
  let over = false;
  worker.on("message", () => waiting.shift()?.());
  // A helper that fails leaves its rows unread, and those are read here.
  for (const event of ["error", "exit"]) {
    worker.once(event, () => {
      over = true;
      for (const resolve of waiting.splice(0)) resolve();
    });
  }
  return {
    async give(job) {
      if (over) return;
      const through = new Promise<void>((resolve) => waiting.push(resolve));
      worker.postMessage(job);
      await through;
    },
    stop: () => worker.terminate(),
  };
}
