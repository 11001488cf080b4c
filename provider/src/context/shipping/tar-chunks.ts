import { createHash, hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import type { HashedEntry, HashedFile } from "../context-entry.ts";
import { absolutePath, changed, unreadable } from "../context-path.ts";
import { compareFolderwise } from "../path-bytes.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.ts";

// One buffer for all files of an archive: whoever takes a chunk copies it before the next one is asked for.
const bufferBytes = 1 << 20;

/** The folder of a delta's archive under which the changed entries lie. */
const treeFolder = "tree";

/**
 * A context as the bytes of a tar archive. Exactly what was hashed comes out: a file whose content is no longer the one that was hashed
 * throws "context-changed". A chunk is valid until the next one is asked for.
 */
export function* contextChunks(root: string, entries: readonly HashedEntry[]): Generator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  for (const entry of folderByFolder(entries)) yield* entryChunks(root, entry, entry.path, buffer);
  yield tarEnd;
}

/**
 * A delta as the bytes of a tar archive: first the file `removed`, the paths that go, each ended by NUL; then, under `tree/`, what is new or
 * changed. No name in a context can be in the way of either.
 */
export function* deltaChunks(root: string, removed: Buffer, changedEntries: readonly HashedEntry[]): Generator<Buffer> {
  yield tarHeader({ kind: "file", path: "removed", executable: false, size: removed.length, sha256: "" });
  yield removed;
  yield tarPadding(removed.length);
  yield tarHeader({ kind: "folder", path: treeFolder });
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  for (const entry of folderByFolder(changedEntries)) yield* entryChunks(root, entry, `${treeFolder}/${entry.path}`, buffer);
  yield tarEnd;
}

/**
 * What lies in a folder comes right behind it, which is not so in the order of path bytes: `a`, `a-b`, `a/c`. GNU tar sets a folder's time when
 * it meets the first path outside, so a later one inside would leave the folder with the time of unpacking, and the image with it.
 */
function folderByFolder(entries: readonly HashedEntry[]): HashedEntry[] {
  return entries.toSorted((a, b) => compareFolderwise(a.path, b.path));
}

function* entryChunks(root: string, entry: HashedEntry, name: string, buffer: Buffer): Generator<Buffer> {
  yield tarHeader({ ...entry, path: name });
  if (entry.kind !== "file") return;
  yield* contentChunks(root, entry, buffer);
  yield tarPadding(entry.size);
}

// Read in order by synchronous calls: promises for each file cost ten times the time of the file itself.
function* contentChunks(root: string, { path, size, sha256 }: HashedFile, buffer: Buffer): Generator<Buffer> {
  const file = reading(path, () => openSync(absolutePath(root, path), "r"));
  try {
    let read = reading(path, () => readSync(file, buffer));
    // Most files fit in the buffer. A hash object for each would be the most of the garbage.
    if (read === size && read < buffer.length) {
      const content = buffer.subarray(0, read);
      if (hash("sha256", content) !== sha256) throw changed(path);
      yield content;
      return;
    }
    const running = createHash("sha256");
    let bytes = 0;
    for (; read > 0; read = reading(path, () => readSync(file, buffer))) {
      bytes += read;
      if (bytes > size) throw changed(path);
      running.update(buffer.subarray(0, read));
      yield buffer.subarray(0, read);
    }
    if (bytes !== size || running.digest("hex") !== sha256) throw changed(path);
  } finally {
    closeSync(file);
  }
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(path, error);
  }
}
