import { readdirSync, readlinkSync, type Dirent } from "node:fs";
import type { Operation } from "../support/operation.ts";
import type { ContextEntry } from "./context-entry.ts";
import type { IgnoreMatcher, MatchState } from "./ignore-matcher.ts";
import { absolutePath, unreadable } from "./context-path.ts";
import { comparePaths, decodePath } from "./path-bytes.ts";
import { breathe } from "./breathe.ts";

interface Folder {
  readonly path: string;
  readonly state: MatchState | undefined;
  /** In the context itself, or only on the way to something that is. */
  readonly ignored: boolean;
}

/**
 * Lists the build context under `root` as Docker would send it, sorted by path bytes. Ignored folders are entered only if something in them
 * may be let in again; then they are listed if something is. Links are links. Sockets, pipes and devices are left out with one warning.
 * Nothing that is ignored is opened.
 */
export async function walkContext(root: string, matcher: IgnoreMatcher, operation: Operation): Promise<ContextEntry[]> {
  const entries = new Map<string, ContextEntry>();
  const special: string[] = [];
  const pending: Folder[] = [{ path: "", state: undefined, ignored: false }];
  const pause = breathe(operation.signal);

  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    await pause();
    for (const child of list(root, folder)) visit(child, folder);
  }
  if (special.length > 0) {
    operation.reporter.warn(
      `left out of the build context, because they are no files: ${special.slice(0, 5).join(", ")}${special.length > 5 ? ", …" : ""}`,
    );
  }
  return [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));

  function visit(child: Dirent<Buffer>, folder: Folder): void {
    const name = decodePath(child.name);
    const path = folder.path === "" ? name : `${folder.path}/${name}`;
    const { ignored, state } = matcher.judge(path, folder.state);
    if (child.isDirectory()) {
      if (!ignored) add({ kind: "folder", path });
      if (!ignored || matcher.mayReadmit(path)) pending.push({ path, state, ignored });
      return;
    }
    if (ignored) return;
    if (child.isSymbolicLink())
      add({ kind: "link", path, text: reading(path, () => decodePath(readlinkSync(absolutePath(root, path), "buffer"))) });
    else if (child.isFile()) add({ kind: "file", path });
    else special.push(path);
  }

  /** An ignored folder that holds something is sent after all, as the way to it. */
  function add(entry: ContextEntry): void {
    entries.set(entry.path, entry);
    for (let slash = entry.path.lastIndexOf("/"); slash > 0; slash = entry.path.lastIndexOf("/", slash - 1)) {
      const path = entry.path.slice(0, slash);
      if (entries.has(path)) break;
      entries.set(path, { kind: "folder", path });
    }
  }
}

function list(root: string, folder: Folder): Dirent<Buffer>[] {
  try {
    return readdirSync(absolutePath(root, folder.path), { withFileTypes: true, encoding: "buffer" });
  } catch (error) {
    // What is ignored need not be readable.
    if (folder.ignored && (error as NodeJS.ErrnoException).code === "EACCES") return [];
    throw unreadable(folder.path === "" ? root : folder.path, error);
  }
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(path, error);
  }
}
