import { lstatSync, type Stats } from "node:fs";
import type { Operation } from "../../support/operation.ts";
import { breathe } from "../breathe.ts";
import type { ContextEntry, HashedEntry } from "../context-entry.ts";
import { contextHash } from "../context-hash.ts";
import { absolutePath, unreadable } from "../context-path.ts";
import { createFileTable, digestAt, executableAt, fillRow, hasStamp, sha256At, sizeAt, type FileTable } from "./file-table.ts";
import { hashFiles } from "./hash-files.ts";
import type { IgnoreFile } from "./ignore-file.ts";
import { createIgnoreMatcher } from "./ignore-matcher.ts";
import { comparePaths } from "../path-bytes.ts";
import type { StatCache } from "./stat-cache.ts";
import { noFiles, type KnownFiles } from "./stat-cache-file.ts";
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
  const entries = await walkContext(root, createIgnoreMatcher(ignore.patterns), operation);
  const paths = entries.filter(({ kind }) => kind === "file").map(({ path }) => path);
  const table = createFileTable(paths.length);
  const known = memory?.known ?? noFiles;
  const recognized = await recognize(root, paths, known, table, signal);
  await hashFiles(root, paths, table, signal);
  reporter.debug(`hashed "${root}": ${paths.length} files, of which ${recognized} were known`);
  // Nothing new and nothing gone: what is kept is right.
  const same = recognized === paths.length && recognized === known.paths.length;
  if (!same) memory?.save({ ...table, paths });
  const hashed = withFacts(entries, table);
  const totalSize = paths.reduce((sum, _, row) => sum + sizeAt(table, row), 0);
  return { entries: hashed, contextHash: contextHash(hashed), totalSize };
}

// Looking at a clock takes a good part of the time that looking at a file does.
const rowsABreath = 256;

/** Fills the rows of files that are as they were when they were read. Both lists are sorted, so one pass over both finds them. */
async function recognize(
  root: string,
  paths: readonly string[],
  known: KnownFiles,
  table: FileTable,
  signal: AbortSignal,
): Promise<number> {
  const pause = breathe(signal);
  let recognized = 0;
  let at = 0;
  for (const [row, path] of paths.entries()) {
    if (row % rowsABreath === 0) await pause();
    while (known.paths[at] !== path && comparePaths(known.paths[at] ?? path, path) < 0) at += 1;
    if (known.paths[at] !== path) continue;
    const stats = statOf(root, path);
    if (stats?.isFile() === true && hasStamp(known, at, stats)) {
      fillRow(table, row, stats, digestAt(known, at));
      recognized += 1;
    }
    at += 1;
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

function withFacts(entries: readonly ContextEntry[], table: FileTable): HashedEntry[] {
  let row = 0;
  return entries.map((entry) => {
    if (entry.kind !== "file") return entry;
    const hashed = {
      kind: entry.kind,
      path: entry.path,
      executable: executableAt(table, row),
      size: sizeAt(table, row),
      sha256: sha256At(table, row),
    };
    row += 1;
    return hashed;
  });
}
