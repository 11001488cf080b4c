import { hash } from "node:crypto";
import { digestAt, digestBytes, lastChangeAt, stampNumbers, type FileColumns } from "./file-table.ts";

/** Files that were read once, in the order of the walk: row `i` of the columns is `paths[i]`. */
export interface KnownFiles extends FileColumns {
  readonly paths: readonly string[];
}

/** Clocks of file systems tick as seldom as every 2 s, and may differ from ours a little. */
const marginMs = 2000;

/**
 * The rows that may be recognized by their stamp from now on. A file that changed about when the reading began could change again and look
 * the same (git's "racy" entries): it is not among them. Nor is one whose name is not UTF-8, which the cache cannot write down.
 *
 * @param startedAt when the reading began, in milliseconds since the epoch
 */
export function trustedFiles(files: KnownFiles, startedAt: number): KnownFiles {
  const rows = files.paths.flatMap((path, row) => (lastChangeAt(files, row) < startedAt - marginMs && path.isWellFormed() ? [row] : []));
  if (rows.length === files.paths.length) return files;
  return {
    paths: rows.map((row) => files.paths[row] ?? ""),
    stamps: Float64Array.from(rows.flatMap((row) => [...files.stamps.subarray(row * stampNumbers, (row + 1) * stampNumbers)])),
    digests: Buffer.concat(rows.map((row) => digestAt(files, row))),
  };
}

// Another layout, or another way of reading files, is another number.
const magic = Buffer.from("CBSTAT02", "latin1");
const countAt = magic.length;
const nameAt = countAt + 8;
const headBytes = nameAt + digestBytes;

/**
 * One file of the stat cache: a head (magic, count, the name it goes by), the stamps, the digests, the paths ended by NUL, and the sha256 of
 * all that. Numbers are in the machine's byte order.
 *
 * @param name 64 hex
 */
export function encodeKnownFiles({ paths, stamps, digests }: KnownFiles, name: string): Buffer {
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt32LE(paths.length, countAt);
  head.write(name, nameAt, "hex");
  const stampBytes = Buffer.from(stamps.buffer, stamps.byteOffset, stamps.byteLength);
  const body = Buffer.concat([head, stampBytes, digests, Buffer.from(paths.map((path) => `${path}\0`).join(""), "utf8")]);
  return Buffer.concat([body, hash("sha256", body, "buffer")]);
}

/** undefined for bytes that are damaged, truncated, of another layout, or of another name. */
export function decodeKnownFiles(bytes: Buffer, name: string): KnownFiles | undefined {
  const end = bytes.length - digestBytes;
  if (end < headBytes || !hash("sha256", bytes.subarray(0, end), "buffer").equals(bytes.subarray(end))) return undefined;
  if (!bytes.subarray(0, countAt).equals(magic) || bytes.toString("hex", nameAt, headBytes) !== name) return undefined;
  const count = bytes.readUInt32LE(countAt);
  const digestsAt = headBytes + count * stampNumbers * Float64Array.BYTES_PER_ELEMENT;
  const pathsAt = digestsAt + count * digestBytes;
  return {
    paths: bytes.toString("utf8", pathsAt, end).split("\0").slice(0, -1),
    // A copy, because numbers must lie at a multiple of their size.
    stamps: new Float64Array(new Uint8Array(bytes.subarray(headBytes, digestsAt)).buffer),
    digests: bytes.subarray(digestsAt, pathsAt),
  };
}
