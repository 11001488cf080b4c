import { createHash, hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

// One buffer for all files: most fit in it and are hashed in one call; larger ones go through it in pieces.
const bufferBytes = 1 << 20;

/** What one reading of a file told. */
export interface FileFacts {
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}

/** Reads a file whole; undefined if it changed meanwhile. Throws the system's errors. The path is as the system knows it. */
export type FileHasher = (path: string | Uint8Array) => FileFacts | undefined;

export function createFileHasher(): FileHasher {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  return (path) => {
    const file = openSync(typeof path === "string" ? path : Buffer.from(path), "r");
    try {
      const { mode, size } = fstatSync(file);
      const { sha256, bytes } = readAndHash(file, buffer);
      return bytes === size ? { executable: (mode & 0o100) !== 0, size, sha256 } : undefined;
    } finally {
      closeSync(file);
    }
  };
}

function readAndHash(file: number, buffer: Buffer): { sha256: string; bytes: number } {
  let bytes = fill(file, buffer);
  if (bytes < buffer.length) return { sha256: hash("sha256", buffer.subarray(0, bytes), "hex"), bytes };
  const running = createHash("sha256").update(buffer);
  for (let read = fill(file, buffer); read > 0; read = fill(file, buffer)) {
    running.update(buffer.subarray(0, read));
    bytes += read;
  }
  return { sha256: running.digest("hex"), bytes };
}

/** Reads until the buffer is full or the file ends. */
function fill(file: number, buffer: Buffer): number {
  let filled = 0;
  while (filled < buffer.length) {
    const read = readSync(file, buffer, filled, buffer.length - filled, null);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
