import { gunzipSync, gzipSync } from "node:zlib";
import type { HashedEntry } from "./context-entry.ts";
import { comparePaths } from "./path-bytes.ts";

/** What a context held, path by path: enough to tell two contexts apart, nothing of the contents. Path → what is there. */
export type ContextManifest = ReadonlyMap<string, string>;

/** Says which files differ: `2 files changed: a, b; 1 new: c; 1 removed: d`. undefined: none do. */
export function describeChanges(before: ContextManifest, after: ContextManifest): string | undefined {
  const changed = [...after].filter(([path, what]) => before.has(path) && before.get(path) !== what);
  const added = [...after].filter(([path]) => !before.has(path));
  const removed = [...before].filter(([path]) => !after.has(path));
  const parts = [
    listed(changed, (count) => `${count} ${count === 1 ? "file" : "files"} changed`),
    listed(added, (count) => `${count} new`),
    listed(removed, (count) => `${count} removed`),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("; ");
}

const shownPaths = 5;

function listed(entries: readonly (readonly [path: string, what: string])[], title: (count: number) => string): string | undefined {
  if (entries.length === 0) return undefined;
  const paths = entries.map(([path]) => path).sort(comparePaths);
  return `${title(paths.length)}: ${paths.slice(0, shownPaths).join(", ")}${paths.length > shownPaths ? ", …" : ""}`;
}

export function manifestOf(entries: readonly HashedEntry[]): ContextManifest {
  return new Map(entries.flatMap((entry) => (entry.kind === "folder" ? [] : [[entry.path, whatOf(entry)] as const])));
}

function whatOf(entry: Exclude<HashedEntry, { kind: "folder" }>): string {
  return entry.kind === "link" ? `link ${entry.text}` : `${entry.executable ? "exec" : "file"} ${entry.sha256}`;
}

export function encodeManifest(manifest: ContextManifest): Buffer {
  return gzipSync(JSON.stringify([...manifest]));
}

/** undefined for bytes that are no manifest. */
export function decodeManifest(bytes: Buffer): ContextManifest | undefined {
  try {
    return new Map(JSON.parse(gunzipSync(bytes).toString("utf8")) as [string, string][]);
  } catch {
    return undefined;
  }
}
