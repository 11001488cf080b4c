import { createHash, hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { breathe } from "./breathe.ts";
import type { ContextEntry, ContextFile, HashedEntry } from "./context-entry.ts";
import { absolutePath, changed, unreadable } from "./context-path.ts";

// One buffer for all files: most fit in it and are hashed in one call; larger ones go through it in pieces.
const bufferBytes = 1 << 20;

/** Reads every file and adds the sha256 of its content. Reading in order on one thread is ten times faster than promises for each file. */
export async function hashFiles(root: string, entries: readonly ContextEntry[], signal: AbortSignal): Promise<HashedEntry[]> {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  const pause = breathe(signal);
  const hashed: HashedEntry[] = [];
  for (const entry of entries) {
    const waiting = pause();
    if (waiting !== undefined) await waiting;
    hashed.push(entry.kind === "file" ? { ...entry, sha256: hashFile(root, entry, buffer) } : entry);
  }
  return hashed;
}

function hashFile(root: string, entry: ContextFile, buffer: Buffer): string {
  let file: number;
  try {
    file = openSync(absolutePath(root, entry.path), "r");
  } catch (error) {
    throw unreadable(entry.path, error);
  }
  try {
    const { sha256, bytes } = readAndHash(file, buffer);
    if (bytes !== entry.size || fstatSync(file).size !== entry.size) throw changed(entry.path);
    return sha256;
  } catch (error) {
    throw error instanceof CloudBuildError ? error : unreadable(entry.path, error);
  } finally {
    closeSync(file);
  }
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
