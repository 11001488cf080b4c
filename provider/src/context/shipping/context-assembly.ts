import { createHash } from "node:crypto";
import type { ObjectFacts } from "./context-store.ts";

/** An archive in the store, and the hash of the context that is there once it is unpacked over what came before it. */
export interface StoredPart extends ObjectFacts {
  readonly contextHash: string;
}

/** How a context is put together: a whole archive first, then deltas, each over the one before. The last part's hash is the context's. */
export type ContextAssembly = readonly [StoredPart, ...StoredPart[]];

export function contextKey(contextHash: string): string {
  return `cloudbuild/contexts/${contextHash}.tar.gz`;
}

export function deltaKey(from: string, to: string): string {
  return `cloudbuild/deltas/${from}-${to}.tar.gz`;
}

/** The keys of the parts: the parts name them, so a record can lead nowhere else. */
export function assemblyKeys(parts: readonly StoredPart[]): string[] {
  return parts.map(({ contextHash }, i) => {
    const before = parts[i - 1];
    return before === undefined ? contextKey(contextHash) : deltaKey(before.contextHash, contextHash);
  });
}

export function assembledHash(parts: ContextAssembly): string {
  return (parts.at(-1) ?? parts[0]).contextHash;
}

/** Where it is remembered how the newest context of an image was shipped. A later one may need only the difference. */
export function headKey(lineage: string): string {
  return recordKey(createHash("sha256").update(lineage).digest("hex"));
}

/** Where it is remembered how this very context was shipped, for other images that use it. */
export function recordKey(contextHash: string): string {
  return `cloudbuild/heads/${contextHash}.json`;
}

export function encodeAssembly(parts: ContextAssembly): Buffer {
  return Buffer.from(JSON.stringify({ parts: parts.map(({ contextHash, size, etag }) => ({ contextHash, size, etag })) }));
}

/** undefined for bytes that are no such record: then there is nothing to build upon, and nothing else is wrong. */
export function decodeAssembly(bytes: Buffer): ContextAssembly | undefined {
  let record: unknown;
  try {
    record = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  const parts = (record as { parts?: unknown } | null)?.parts;
  if (!Array.isArray(parts) || !parts.every(isPart)) return undefined;
  const [base, ...deltas] = parts;
  return base === undefined ? undefined : [base, ...deltas];
}

function isPart(value: unknown): value is StoredPart {
  const { contextHash, size, etag } = (value ?? {}) as Partial<Record<keyof StoredPart, unknown>>;
  return typeof contextHash === "string" && /^[0-9a-f]{64}$/.test(contextHash) && typeof size === "number" && typeof etag === "string";
}
