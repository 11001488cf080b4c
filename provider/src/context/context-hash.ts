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
  // Many frames go to the hash in one call: five calls for each of 50,000 entries would cost more than all else that is done with them.
  let frames = Buffer.allocUnsafe(chunkBytes);
  let at = 0;
  for (const entry of entries) {
    const bytes = mostBytes(entry);
    if (at + bytes > frames.length) {
      hash.update(frames.subarray(0, at));
      if (bytes > frames.length) frames = Buffer.allocUnsafe(bytes);
      at = 0;
    }
    at = writeFrame(entry, frames, at);
  }
  return hash.update(frames.subarray(0, at)).digest("hex");
}

const chunkBytes = 1 << 16;

/** No character takes more than three bytes for each unit of its string. */
function mostBytes(entry: HashedEntry): number {
  return 1 + 4 + 3 * entry.path.length + (entry.kind === "file" ? 32 : entry.kind === "link" ? 4 + 3 * entry.text.length : 0);
}

/** Answers where the next frame begins. */
function writeFrame(entry: HashedEntry, frames: Buffer, from: number): number {
  frames[from] = kindOf(entry);
  const at = writeText(entry.path, frames, from + 1);
  if (entry.kind === "file") return at + frames.write(entry.sha256, at, "hex");
  return entry.kind === "link" ? writeText(entry.text, frames, at) : at;
}

function writeText(text: string, frames: Buffer, at: number): number {
  const length = text.isWellFormed() ? frames.write(text, at + 4, "utf8") : encodePath(text).copy(frames, at + 4);
  return frames.writeUInt32BE(length, at) + length;
}

const letter = { x: 0x78, f: 0x66, d: 0x64, l: 0x6c } as const;

/** The letter of a kind of entry, as its byte. */
function kindOf(entry: HashedEntry): number {
  switch (entry.kind) {
    case "file":
      return entry.executable ? letter.x : letter.f;
    case "folder":
      return letter.d;
    case "link":
      return letter.l;
    default:
      return assertNever(entry);
  }
}
