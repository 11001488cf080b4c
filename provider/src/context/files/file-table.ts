import type { Stats } from "node:fs";

/** Size in bytes, mtime and ctime in milliseconds since the epoch, inode, device: some of it changes whenever content or mode does. */
export const stampNumbers = 5;
export const digestBytes = 32;

/** What was read of files, in columns: row `i` holds `stampNumbers` numbers and the `digestBytes` bytes of a sha256. */
export interface FileColumns {
  readonly stamps: Float64Array;
  readonly digests: Buffer;
}

/**
 * What is known of the files of a list, row by row. Its memory is shared: threads fill different rows without a message for each file, and
 * 50,000 rows cost no object.
 */
export interface FileTable extends FileColumns {
  /** Backs all columns: `shareFileTable` makes the same table of it in another thread. */
  readonly memory: SharedArrayBuffer;
  readonly states: Uint8Array;
}

const rowState = { unread: 0, plain: 1, executable: 2 } as const;

const rowBytes = stampNumbers * Float64Array.BYTES_PER_ELEMENT + digestBytes + 1;

export function createFileTable(rows: number): FileTable {
  return shareFileTable(new SharedArrayBuffer(rows * rowBytes));
}

export function shareFileTable(memory: SharedArrayBuffer): FileTable {
  const rows = memory.byteLength / rowBytes;
  const stampBytes = rows * stampNumbers * Float64Array.BYTES_PER_ELEMENT;
  return {
    memory,
    stamps: new Float64Array(memory, 0, rows * stampNumbers),
    digests: Buffer.from(memory, stampBytes, rows * digestBytes),
    states: new Uint8Array(memory, stampBytes + rows * digestBytes, rows),
  };
}

/**
 * The state is written last, and for all threads: a row that is not unread is whole.
 *
 * @param sha256 hex or bytes, as whoever calls has it
 */
export function fillRow(table: FileTable, row: number, stats: Stats, sha256: string | Uint8Array): void {
  const at = row * stampNumbers;
  table.stamps[at] = stats.size;
  table.stamps[at + 1] = stats.mtimeMs;
  table.stamps[at + 2] = stats.ctimeMs;
  table.stamps[at + 3] = stats.ino;
  table.stamps[at + 4] = stats.dev;
  if (typeof sha256 === "string") table.digests.write(sha256, row * digestBytes, "hex");
  else table.digests.set(sha256, row * digestBytes);
  Atomics.store(table.states, row, (stats.mode & 0o100) === 0 ? rowState.plain : rowState.executable);
}

export function isUnread({ states }: FileTable, row: number): boolean {
  return Atomics.load(states, row) === rowState.unread;
}

export function hasStamp({ stamps }: FileColumns, row: number, stats: Stats): boolean {
  const at = row * stampNumbers;
  return (
    stamps[at] === stats.size &&
    stamps[at + 1] === stats.mtimeMs &&
    stamps[at + 2] === stats.ctimeMs &&
    stamps[at + 3] === stats.ino &&
    stamps[at + 4] === stats.dev
  );
}

export function digestAt({ digests }: FileColumns, row: number): Buffer {
  return digests.subarray(row * digestBytes, (row + 1) * digestBytes);
}

/** Milliseconds since the epoch by the file system's clock: when the content, the mode, a name or the owner changed last. */
export function lastChangeAt({ stamps }: FileColumns, row: number): number {
  const at = row * stampNumbers;
  return Math.max(stamps[at + 1] ?? Infinity, stamps[at + 2] ?? Infinity);
}

/** Hex. */
export function sha256At({ digests }: FileColumns, row: number): string {
  return digests.toString("hex", row * digestBytes, (row + 1) * digestBytes);
}

/** Bytes. */
export function sizeAt({ stamps }: FileColumns, row: number): number {
  return stamps[row * stampNumbers] ?? 0;
}

export function executableAt({ states }: FileTable, row: number): boolean {
  return states[row] === rowState.executable;
}
