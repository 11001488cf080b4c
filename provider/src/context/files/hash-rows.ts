import { absolutePath } from "../context-path.ts";
import { fillRow, isUnread, type FileTable } from "./file-table.ts";
import type { FileHasher } from "./hash-file.ts";

/** What a helper thread is given: the files of a context, the memory of their table, and of the counter that deals out the work. */
export interface HashJob {
  readonly root: string;
  readonly paths: readonly string[];
  readonly table: SharedArrayBuffer;
  readonly counter: SharedArrayBuffer;
}

// Large enough that the counter costs nothing, small enough that nobody waits long for the last one.
const batchRows = 16;

/** Takes the next rows for this thread alone; empty when all are taken. */
export function takeRows(counter: Int32Array, rows: number): { readonly from: number; readonly to: number } {
  const from = Math.min(Atomics.add(counter, 0, batchRows), rows);
  return { from, to: Math.min(from + batchRows, rows) };
}

/** After this nobody takes any more. */
export function takeAllRows(counter: Int32Array, rows: number): void {
  Atomics.store(counter, 0, rows);
}

/** Reads the file of one row, unless the row is known. False if it changed while it was read. Throws the system's errors. */
export function hashRow(root: string, path: string, table: FileTable, row: number, hashFile: FileHasher): boolean {
  if (!isUnread(table, row)) return true;
  const reading = hashFile(absolutePath(root, path));
  if (reading === undefined) return false;
  fillRow(table, row, reading.stats, reading.sha256);
  return true;
}
