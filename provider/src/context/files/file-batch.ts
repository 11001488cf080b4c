import { createFileTable, digestBytes, isUnread, stampNumbers, type FileTable } from "./file-table.ts";
import type { KnownFiles } from "./stat-cache-file.ts";

/** Files that were found one after the other: what a thread is handed at a time. */
export interface FileBatch {
  /** Row `i` of the table is `paths[i]`. The last batch has more rows than files. */
  readonly paths: string[];
  readonly table: FileTable;
  /** How many rows were taken by some thread. Shared. */
  readonly counter: Int32Array<SharedArrayBuffer>;
}

/** How many files a batch takes: few enough that the first one is soon full, so many that handing them out costs nothing. */
export const batchFiles = 2048;

export function createFileBatch(): FileBatch {
  const counter = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return { paths: [], table: createFileTable(batchFiles), counter };
}

/** How many of its files nothing is known of. */
export function countUnread({ paths, table }: FileBatch): number {
  return paths.reduce((count, _, row) => count + (isUnread(table, row) ? 1 : 0), 0);
}

/** What was read, of all files in their order. */
export function readFilesOf(batches: readonly FileBatch[]): KnownFiles {
  const paths = batches.flatMap((batch) => batch.paths);
  const stamps = new Float64Array(paths.length * stampNumbers);
  for (const [i, batch] of batches.entries()) {
    stamps.set(batch.table.stamps.subarray(0, batch.paths.length * stampNumbers), i * batchFiles * stampNumbers);
  }
  const digests = batches.map((batch) => batch.table.digests.subarray(0, batch.paths.length * digestBytes));
  return { paths, stamps, digests: Buffer.concat(digests) };
}
