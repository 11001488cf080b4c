import { lstatSync, type Stats } from "node:fs";
import type { Operation } from "../../support/operation.ts";
import { breathe } from "../breathe.ts";
import type { HashedEntry, HashedFile } from "../context-entry.ts";
import { contextHash } from "../context-hash.ts";
import { absolutePath, unreadable } from "../context-path.ts";
import { readFilesOf, type FileBatch } from "./file-batch.ts";
import { digestAt, executableAt, fillRow, hasStamp, sha256At, sizeAt } from "./file-table.ts";
import { createFilesHasher } from "./hash-files.ts";
import type { IgnoreFile } from "./ignore-file.ts";
import { createIgnoreMatcher } from "./ignore-matcher.ts";
import { compareFolderwise, sortByPath } from "../path-bytes.ts";
import type { StatCache } from "./stat-cache.ts";
import type { KnownFiles } from "./stat-cache-file.ts";
import { walkContext } from "./walk-context.ts";

/** The files of a build context, read. */
export interface HashedContext {
  readonly entries: readonly HashedEntry[];
  readonly contextHash: string;
  /** Bytes of all files. */
  readonly totalSize: number;
}

/** Lists and hashes what the ignore file lets through. Only files that the cache does not know are read; without one, all. */
export async function hashContext(
  root: string,
  ignore: IgnoreFile,
  cache: StatCache | undefined,
  operation: Operation,
): Promise<HashedContext> {
  const { signal, reporter } = operation;
  const memory = cache?.open(root, ignore.text, reporter);
  const known = memory?.known;
  const hasher = createFilesHasher(root, { signal, eager: known === undefined });
  try {
    const others = await walkContext(root, createIgnoreMatcher(ignore.patterns), (path) => hasher.add(path), operation);
    const recognized = known === undefined ? 0 : await recognize(root, hasher.batches, known, signal);
    await hasher.finish();
    const found = hasher.batches.reduce((sum, { paths }) => sum + paths.length, 0);
    reporter.debug(`hashed "${root}": ${found} files, of which ${recognized} were known`);
    // Nothing new and nothing gone: what is kept is right.
    if (recognized < found || recognized < (known?.paths.length ?? 0)) memory?.save(readFilesOf(hasher.batches));
    const files = hasher.batches.flatMap(hashedFiles);
    const entries = sortByPath([...files, ...others]);
    return { entries, contextHash: contextHash(entries), totalSize: files.reduce((sum, { size }) => sum + size, 0) };
  } finally {
    await hasher.stop();
  }
}

// Looking at a clock takes a good part of the time that looking at a file does.
const rowsABreath = 256;

/** Fills the rows of files that are as they were when they were read. Both lists are in the order of the walk: one pass over both. */
async function recognize(root: string, batches: readonly FileBatch[], known: KnownFiles, signal: AbortSignal): Promise<number> {
  const pause = breathe(signal);
  let recognized = 0;
  let at = 0;
  for (const { paths, table } of batches) {
    for (const [row, path] of paths.entries()) {
      if (row % rowsABreath === 0) await pause();
      while (known.paths[at] !== path && compareFolderwise(known.paths[at] ?? path, path) < 0) at += 1;
      if (known.paths[at] !== path) continue;
      const stats = statOf(root, path);
      if (stats?.isFile() === true && hasStamp(known, at, stats)) {
        fillRow(table, row, stats, digestAt(known, at));
        recognized += 1;
      }
      at += 1;
    }
  }
  return recognized;
}

function statOf(root: string, path: string): Stats | undefined {
  try {
    return lstatSync(absolutePath(root, path), { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}

function hashedFiles({ paths, table }: FileBatch): HashedFile[] {
  return paths.map((path, row) => ({
    kind: "file",
    path,
    executable: executableAt(table, row),
    size: sizeAt(table, row),
    sha256: sha256At(table, row),
  }));
}
