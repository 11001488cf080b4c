import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { assertNever } from "../errors/assert-never.ts";
import type { HashedEntry } from "./context-entry.ts";
import { comparePaths, decodePath, encodePath } from "./path-bytes.ts";

/**
 * What a context held, path by path: enough to tell two contexts apart, nothing of the contents. Path → what is there: `d`, `l` and the
 * link's text, or `f` (`x` if executable) and the beginning of the content's hash.
 */
export type ContextManifest = ReadonlyMap<string, string>;

/** Says which files differ: `2 files changed: a, b; 1 new: c; 1 removed: d`. undefined: none do. */
export function describeChanges(before: ContextManifest, after: ContextManifest): string | undefined {
  const [then, now] = [withoutFolders(before), withoutFolders(after)];
  const changed = [...now].filter(([path, what]) => then.has(path) && then.get(path) !== what);
  const added = [...now].filter(([path]) => !then.has(path));
  const removed = [...then].filter(([path]) => !now.has(path));
  const parts = [
    listed(changed, (count) => `${count} ${count === 1 ? "file" : "files"} changed`),
    listed(added, (count) => `${count} new`),
    listed(removed, (count) => `${count} removed`),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("; ");
}

function withoutFolders(manifest: ContextManifest): ContextManifest {
  return new Map([...manifest].filter(([, what]) => what !== folder));
}

const shownPaths = 5;

function listed(entries: readonly (readonly [path: string, what: string])[], title: (count: number) => string): string | undefined {
  if (entries.length === 0) return undefined;
  const paths = entries.map(([path]) => path).sort(comparePaths);
  return `${title(paths.length)}: ${paths.slice(0, shownPaths).join(", ")}${paths.length > shownPaths ? ", …" : ""}`;
}

export function manifestOf(entries: readonly HashedEntry[]): ContextManifest {
  return new Map(entries.map((entry) => [entry.path, whatOf(entry)]));
}

const folder = "d";
// Hashes do not compress, and a manifest goes with every context. 48 bits tell two versions of one file apart; where they do not, the preview
// leaves out a line, and a delta that lacks the file is found out by the build.
const hashBytes = 6;

export function whatOf(entry: HashedEntry): string {
  switch (entry.kind) {
    case "folder":
      return folder;
    case "link":
      return `l${entry.text}`;
    case "file":
      return `${entry.executable ? "x" : "f"}${Buffer.from(entry.sha256.slice(0, 2 * hashBytes), "hex").toString("base64")}`;
    default:
      return assertNever(entry);
  }
}

/** The manifest as text: path and what is there, each ended by NUL. To be stored compressed. */
export function* manifestChunks(manifest: ContextManifest): Generator<Buffer> {
  for (const [path, what] of manifest) yield encodePath(`${path}\0${what}\0`);
}

/** undefined for bytes that are no compressed manifest. */
export async function decodeManifest(bytes: Buffer): Promise<ContextManifest | undefined> {
  let text: Buffer;
  try {
    text = await promisify<Buffer, Buffer>(gunzip)(bytes);
  } catch {
    return undefined;
  }
  const manifest = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const [pathEnd, end] = [text.indexOf(0, at), text.indexOf(0, text.indexOf(0, at) + 1)];
    if (pathEnd < 0 || end <= pathEnd) return undefined;
    manifest.set(decodePath(text.subarray(at, pathEnd)), decodePath(text.subarray(pathEnd + 1, end)));
    at = end + 1;
  }
  return manifest;
}
