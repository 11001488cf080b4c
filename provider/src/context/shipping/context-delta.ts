import type { HashedEntry } from "../context-entry.ts";
import { whatOf, type ContextManifest } from "../context-manifest.ts";

/** What turns one context into another. */
export interface ContextDelta {
  /** Paths to take away first: what is gone, and what is now of another kind. What lies in a removed folder is not named again. */
  readonly removed: readonly string[];
  /** What is new or changed, and the folders on the way to whatever the delta touches, so that unpacking sets their times again. */
  readonly changed: readonly HashedEntry[];
  /** Bytes of the files in `changed`. */
  readonly changedBytes: number;
}

export function contextDelta(base: ContextManifest, entries: readonly HashedEntry[]): ContextDelta {
  const gone = goneFrom(base, entries);
  const differing = entries.filter((entry) => base.get(entry.path) !== whatOf(entry));
  const touched = new Set<string>();
  for (const path of [...gone, ...differing.map((entry) => entry.path)]) {
    for (let folder = parentOf(path); folder !== "" && !touched.has(folder); folder = parentOf(folder)) touched.add(folder);
  }
  const changed = entries.filter((entry) => base.get(entry.path) !== whatOf(entry) || touched.has(entry.path));
  return {
    removed: [...gone].filter((path) => !gone.has(parentOf(path))),
    changed,
    changedBytes: changed.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.size : 0), 0),
  };
}

/** Paths of the base that are no longer there, or there as something else. */
function goneFrom(base: ContextManifest, entries: readonly HashedEntry[]): Set<string> {
  const gone = new Set(base.keys());
  for (const entry of entries) if (kindOf(base.get(entry.path)) === kindOf(whatOf(entry))) gone.delete(entry.path);
  return gone;
}

/** Executable or not, a file is replaced by unpacking another over it. */
function kindOf(what: string | undefined): string | undefined {
  return what?.slice(0, 1).replace("x", "f");
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
