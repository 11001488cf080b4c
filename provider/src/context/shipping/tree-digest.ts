import { createHash } from "node:crypto";
import { assertNever } from "../../errors/assert-never.ts";
import type { HashedEntry } from "../context-entry.ts";
import { comparePaths, encodePath } from "../path-bytes.ts";

/**
 * The digest by which a build checks a tree it put together, 64 hex: what a shell can compute with find, sort and sha256sum. Like the context
 * hash, it covers every name, kind, mode, link text and content, so that nothing can be missing, added or altered.
 *
 * sha256 over one record for each entry, `./<path>//<kind><mode>//<link text>` and NUL, sorted by bytes; then the sha256 of each file, a line
 * each, in the order of their paths. A path holds no `//` and a kind no slash, so no two trees share a text.
 */
export function treeDigest(entries: readonly HashedEntry[]): string {
  const hash = createHash("sha256");
  const inOrder = entries.toSorted((a, b) => comparePaths(`${a.path}//`, `${b.path}//`));
  for (const entry of inOrder) hash.update(encodePath(`./${entry.path}//${factsOf(entry)}\0`));
  for (const entry of entries) if (entry.kind === "file") hash.update(`${entry.sha256}\n`);
  return hash.digest("hex");
}

function factsOf(entry: HashedEntry): string {
  switch (entry.kind) {
    case "folder":
      return "d755//";
    case "link":
      return `l777//${entry.text}`;
    case "file":
      return `f${entry.executable ? "755" : "644"}//`;
    default:
      return assertNever(entry);
  }
}
