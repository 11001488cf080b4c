import { Readable } from "node:stream";
import type { Operation } from "../support/operation.ts";
import { decodeManifest, encodeManifest, manifestOf, type ContextManifest } from "./context-manifest.ts";
import type { ResolvedContext } from "./context-reader.ts";
import type { ContextStore } from "./context-store.ts";
import { packContext } from "./pack-context.ts";

/** What the build reads: the object keys in the store's bucket. */
export interface StagedContext {
  readonly contextKey: string;
  readonly dockerfileKey: string;
}

function manifestKey(contextHash: string): string {
  return `cloudbuild/manifests/${contextHash}.json.gz`;
}

/** What a context that was shipped once held; undefined if the store does not say. */
export async function shippedManifest(
  contextHash: string,
  store: ContextStore,
  { signal }: Operation,
): Promise<ContextManifest | undefined> {
  const bytes = await store.get(manifestKey(contextHash), signal);
  return bytes === undefined ? undefined : decodeManifest(bytes);
}

/** Makes a context readable by the cloud. Objects are named by their content, so what is there already is not sent again. */
export async function stageContext(context: ResolvedContext, store: ContextStore, operation: Operation): Promise<StagedContext> {
  const contextKey = `cloudbuild/contexts/${context.contextHash}.tar.gz`;
  const dockerfileKey = `cloudbuild/dockerfiles/${context.dockerfile.sha256}/Dockerfile`;
  const { signal } = operation;
  await Promise.all([
    ensure(manifestKey(context.contextHash), () => Readable.from([encodeManifest(manifestOf(context.entries))], { objectMode: false })),
    ensure(contextKey, () => packContext(context.root, context.entries, signal)),
    ensure(dockerfileKey, () => Readable.from([context.dockerfile.bytes], { objectMode: false })),
  ]);
  return { contextKey, dockerfileKey };

  async function ensure(key: string, open: () => Readable): Promise<void> {
    if (await store.exists(key, signal)) return;
    operation.reporter.status(`shipping ${describeSize(context.totalSize)} of build context`);
    await store.put(key, open, signal);
  }
}

function describeSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
