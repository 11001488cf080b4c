import { readdirSync, readlinkSync, type Dirent } from "node:fs";
import type { Operation } from "../../support/operation.ts";
import type { ContextFolder, ContextLink } from "../context-entry.ts";
import type { IgnoreMatcher, MatchState } from "./ignore-matcher.ts";
import { absolutePath, unreadable } from "../context-path.ts";
import { decodePath } from "../path-bytes.ts";
import { breathe } from "../breathe.ts";

export type OtherEntry = ContextFolder | ContextLink;

interface Folder {
  readonly path: string;
  readonly state: MatchState | undefined;
  /** In the context itself, or only on the way to something that is. */
  readonly ignored: boolean;
  readonly parent: Folder | undefined;
  readonly children: readonly Dirent[];
  /** How many of them were visited. */
  seen: number;
  /** Whether the list has it. An ignored folder is listed when something in it is. */
  listed: boolean;
}

/**
 * Walks the build context under `root` as Docker would send it, in depth and by name, the order of `compareFolderwise`. Files are told as they
 * are found; everything else is answered. Ignored folders are entered only if something in them may be let in again; then they are part of
 * the context if something is. Links are links. Sockets, pipes and devices are left out with one warning. Nothing that is ignored is opened.
 */
export async function walkContext(
  root: string,
  matcher: IgnoreMatcher,
  foundFile: (path: string) => void,
  operation: Operation,
): Promise<OtherEntry[]> {
  const entries: OtherEntry[] = [];
  const special: string[] = [];
  const pause = breathe(operation.signal);
  let folder: Folder | undefined = enter("", undefined, false, undefined);

  while (folder !== undefined) {
    const child: Dirent | undefined = folder.children[folder.seen];
    folder.seen += 1;
    const next: Folder | undefined = child === undefined ? folder.parent : visit(child, folder);
    if (next?.seen === 0) await pause();
    folder = next;
  }
  if (special.length > 0) {
    operation.reporter.warn(
      `left out of the build context, because they are no files: ${special.slice(0, 5).join(", ")}${special.length > 5 ? ", …" : ""}`,
    );
  }
  return entries;

  function enter(path: string, state: MatchState | undefined, ignored: boolean, parent: Folder | undefined): Folder {
    return { path, state, ignored, parent, listed: !ignored, children: list(root, path, ignored), seen: 0 };
  }

  /** Answers the folder to go on in: the child, or the one that it is in. */
  function visit(child: Dirent, folder: Folder): Folder {
    const path = folder.path === "" ? child.name : `${folder.path}/${child.name}`;
    const { ignored, state } = matcher.judge(path, folder.state);
    if (child.isDirectory()) {
      if (!ignored) add({ kind: "folder", path }, folder);
      return !ignored || matcher.mayReadmit(path) ? enter(path, state, ignored, folder) : folder;
    }
    if (ignored) return folder;
    if (child.isSymbolicLink()) add({ kind: "link", path, text: readLink(root, path) }, folder);
    else if (child.isFile()) {
      listFolders(folder);
      foundFile(path);
    } else special.push(path);
    return folder;
  }

  function add(entry: OtherEntry, within: Folder): void {
    listFolders(within);
    entries.push(entry);
  }

  /** An ignored folder that holds something is sent after all, as the way to it. */
  function listFolders(within: Folder): void {
    for (let folder: Folder | undefined = within; folder?.listed === false; folder = folder.parent) {
      entries.push({ kind: "folder", path: folder.path });
      folder.listed = true;
    }
  }
}

function list(root: string, folder: string, ignored: boolean): Dirent[] {
  const path = absolutePath(root, folder);
  try {
    const children = readdirSync(path, { withFileTypes: true });
    // Few names are not UTF-8, and asking for the bytes of all costs half as much again.
    return children.some(({ name }) => name.includes("\ufffd")) ? listBytes(path) : children;
  } catch (error) {
    // What is ignored need not be readable.
    if (ignored && (error as NodeJS.ErrnoException).code === "EACCES") return [];
    throw unreadable(folder === "" ? root : folder, error);
  }
}

function listBytes(path: string | Buffer): Dirent[] {
  return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).map(
    (child) => Object.assign(child as Dirent<Buffer | string>, { name: decodePath(child.name) }) as Dirent,
  );
}

function readLink(root: string, path: string): string {
  try {
    return decodePath(readlinkSync(absolutePath(root, path), "buffer"));
  } catch (error) {
    throw unreadable(path, error);
  }
}
