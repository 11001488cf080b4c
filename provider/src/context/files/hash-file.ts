import { createHash, hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";

// One buffer for all files: most fit in it and are hashed in one call; larger ones go through it in pieces. It stays in a core's own cache.
const bufferBytes = 1 << 18;

/** What one reading of a file told. */
export interface FileReading {
  /** As of the moment before the first byte was read: what changes later has a later time. */
  readonly stats: Stats;
  /** Hex. To have it as text costs half of what a buffer for each file does. */
  readonly sha256: string;
}

/** Reads a file whole; undefined if its size changed meanwhile. Throws the system's errors. The path is as the system knows it. */
export type FileHasher = (path: string | Buffer) => FileReading | undefined;

export function createFileHasher(): FileHasher {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  return (path) => {
    const file = openSync(path, "r");
    try {
      const stats = fstatSync(file);
      const { sha256, bytes } = readAndHash(file, stats.size, buffer);
      return bytes === stats.size ? { stats, sha256 } : undefined;
    } finally {
      closeSync(file);
    }
  };
}

function readAndHash(file: number, size: number, buffer: Buffer): { sha256: string; bytes: number } {
  let bytes = fill(file, size, buffer);
  if (bytes < buffer.length) return { sha256: hash("sha256", buffer.subarray(0, bytes)), bytes };
  const running = createHash("sha256").update(buffer);
  for (let read = fill(file, size - bytes, buffer); read > 0; read = fill(file, size - bytes, buffer)) {
    running.update(buffer.subarray(0, read));
    bytes += read;
  }
  return { sha256: running.digest("hex"), bytes };
}

/** Reads until the buffer is full or the file ends. When exactly the expected bytes came though more were asked for, it has ended. */
function fill(file: number, expected: number, buffer: Buffer): number {
  let filled = 0;
  while (filled < buffer.length) {
    const read = readSync(file, buffer, filled, buffer.length - filled, null);
    filled += read;
    if (read === 0 || filled === expected) break;
  }
  return filled;
}
