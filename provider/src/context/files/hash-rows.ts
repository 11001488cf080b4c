import { absolutePath } from "../context-path.ts";
import type { FileBatch } from "./file-batch.ts";
import { fillRow, isUnread, shareFileTable, type FileTable } from "./file-table.ts";
import type { FileHasher } from "./hash-file.ts";

/** A batch as a helper thread is given it: one string of all names costs less to send than a list, and no name holds a NUL. */
export interface HashJob {
  readonly root: string;
  readonly paths: string;
  readonly table: SharedArrayBuffer;
  readonly counter: SharedArrayBuffer;
}

export function toJob(root: string, { paths, table, counter }: FileBatch): HashJob {
  return { root, paths: paths.join("\0"), table: table.memory, counter: counter.buffer };
}

export function fromJob({ paths, table, counter }: HashJob): FileBatch {
  return { paths: paths.split("\0"), table: shareFileTable(table), counter: new Int32Array(counter) };
}

// Large enough that the counter costs nothing, small enough that nobody waits long for the last one.
const rowsAtOnce = 16;

/** Takes the next rows for this thread alone; empty when all are taken. */
export function takeRows({ paths, counter }: FileBatch): { readonly from: number; readonly to: number } {
  const from = Math.min(Atomics.add(counter, 0, rowsAtOnce), paths.length);
  return { from, to: Math.min(from + rowsAtOnce, paths.length) };
}

/** After this nobody takes any more. */
export function takeAllRows({ paths, counter }: FileBatch): void {
  Atomics.store(counter, 0, paths.length);
}

/** Reads the file of one row, unless the row is known. False if it changed while it was read. Throws the system's errors. */
export function hashRow(root: string, path: string, table: FileTable, row: number, hashFile: FileHasher): boolean {
  if (!isUnread(table, row)) return true;
  const reading = hashFile(absolutePath(root, path));
  if (reading === undefined) return false;
  fillRow(table, row, reading.stats, reading.sha256);
  return true;
}
