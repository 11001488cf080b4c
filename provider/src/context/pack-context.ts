import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { HashedEntry, HashedFile } from "./context-entry.ts";
import { absolutePath, changed, unreadable } from "./context-path.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.ts";

const chunkBytes = 1 << 20;
// Measured on source trees: a third more time buys 6 % of size between level 1 and 6; the upload is usually the slower part.
const gzipLevel = 6;

/**
 * The context as a gzip-compressed tar, streamed with bounded memory. Exactly what was hashed is packed: a file whose content is no longer
 * the one that was hashed fails the stream with "context-changed".
 */
export function packContext(root: string, entries: readonly HashedEntry[], signal: AbortSignal): Readable {
  const tar = Readable.from(tarOf(root, entries, signal), { objectMode: false, highWaterMark: chunkBytes });
  const gzip = createGzip({ level: gzipLevel });
  tar.once("error", (error) => gzip.destroy(error));
  gzip.once("close", () => tar.destroy());
  return tar.pipe(gzip);
}

async function* tarOf(root: string, entries: readonly HashedEntry[], signal: AbortSignal): AsyncGenerator<Buffer> {
  let small: Buffer[] = [];
  let smallBytes = 0;
  for (const entry of entries) {
    signal.throwIfAborted();
    const parts = entry.kind === "file" ? fileParts(root, entry) : [tarHeader(entry)];
    for await (const part of parts) {
      small.push(part);
      smallBytes += part.length;
      if (smallBytes < chunkBytes) continue;
      yield Buffer.concat(small);
      small = [];
      smallBytes = 0;
    }
  }
  yield Buffer.concat([...small, tarEnd]);
}

async function* fileParts(root: string, entry: HashedFile): AsyncGenerator<Buffer> {
  yield tarHeader(entry);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    const file = await open(absolutePath(root, entry.path), "r");
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(entry.size - bytes, 1)));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) break;
        bytes += bytesRead;
        if (bytes > entry.size) throw changed(entry.path);
        hash.update(buffer.subarray(0, bytesRead));
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof CloudBuildError ? error : unreadable(entry.path, error);
  }
  if (bytes !== entry.size || hash.digest("hex") !== entry.sha256) throw changed(entry.path);
  yield tarPadding(entry.size);
}
