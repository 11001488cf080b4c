import { Readable } from "node:stream";
import type { HashedEntry } from "../context-entry.ts";
import type { ContextDelta } from "./context-delta.ts";
import { gzipPieces } from "./gzip-pieces.ts";
import { encodePath } from "../path-bytes.ts";
import { contextChunks, deltaChunks } from "./tar-chunks.ts";

/**
 * The context as a gzip-compressed tar, streamed with bounded memory. Exactly what was hashed is packed: a file whose content is no longer
 * the one that was hashed fails the stream with "context-changed".
 */
export function packContext(root: string, entries: readonly HashedEntry[], signal: AbortSignal): Readable {
  return compressed(contextChunks(root, entries), signal);
}

/** What turns one context into another, as a gzip-compressed tar: `removed`, a list of paths each ended by NUL, and `tree/`. */
export function packDelta(root: string, { removed, changed }: ContextDelta, signal: AbortSignal): Readable {
  const list = Buffer.concat(removed.map((path) => encodePath(`./${path}\0`)));
  return compressed(deltaChunks(root, list, changed), signal);
}

/** Streams what is made of these chunks, compressed. */
export function compressed(chunks: Iterable<Buffer>, signal: AbortSignal): Readable {
  return Readable.from(gzipPieces(chunks, signal), { objectMode: false });
}
