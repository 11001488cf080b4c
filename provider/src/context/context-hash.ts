import { createHash } from "node:crypto";
import { assertNever } from "../errors/assert-never.ts";
import type { HashedEntry } from "./context-entry.ts";
import { encodePath } from "./path-bytes.ts";

/** Named in every hash: another way of framing is another scheme. */
const scheme = "pulumi-cloudbuild context 1\n";

/**
 * The context hash, 64 hex: sha256 over one frame for each entry in the order of their path bytes. A frame is a kind, an exec bit, the path
 * with its length, and the content's sha256 or the link's text with its length, so that no two contexts share a text. No time, owner, umask
 * or absolute path is in it.
 */
export function contextHash(entries: readonly HashedEntry[]): string {
  const hash = createHash("sha256").update(scheme);
  for (const entry of entries) {
    hash.update(kindOf(entry)).update(framed(encodePath(entry.path)));
    if (entry.kind === "file") hash.update(entry.sha256, "hex");
    if (entry.kind === "link") hash.update(framed(encodePath(entry.text)));
  }
  return hash.digest("hex");
}

function kindOf(entry: HashedEntry): string {
  switch (entry.kind) {
    case "file":
      return entry.executable ? "x" : "f";
    case "folder":
      return "d";
    case "link":
      return "l";
    default:
      return assertNever(entry);
  }
}

function framed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
