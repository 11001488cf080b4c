import { Readable } from "node:stream";
import type { Operation } from "../support/operation.ts";
import { decodeManifest, encodeManifest, manifestOf, type ContextManifest } from "./context-manifest.ts";
import type { ReadFolder } from "./context-reader.ts";
import type { ContextStore } from "./context-store.ts";
import { packContext } from "./pack-context.ts";

/** What the build reads. */
export interface StagedObject {
  readonly bucket: string;
  readonly key: string;
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

/** Makes a folder readable by the cloud. Objects are named by their content, so what is there already is not sent again. */
export async function stageFolder(folder: ReadFolder, store: ContextStore, operation: Operation): Promise<StagedObject> {
  const key = `cloudbuild/contexts/${folder.contextHash}.tar.gz`;
  const shipping = `shipping ${describeSize(folder.totalSize)} of build context`;
  await Promise.all([
    ensure(manifestKey(folder.contextHash), () => streamOf(encodeManifest(manifestOf(folder.entries))), shipping, store, operation),
    ensure(key, () => packContext(folder.root, folder.entries, operation.signal), shipping, store, operation),
  ]);
  return { bucket: store.bucket, key };
}

/** A Dockerfile is carried beside the context: an ignore file may hide it there. */
export async function stageDockerfile(
  dockerfile: { readonly bytes: Buffer; readonly sha256: string },
  store: ContextStore,
  operation: Operation,
): Promise<StagedObject> {
  const key = `cloudbuild/dockerfiles/${dockerfile.sha256}/Dockerfile`;
  await ensure(key, () => streamOf(dockerfile.bytes), "shipping the Dockerfile", store, operation);
  return { bucket: store.bucket, key };
}

async function ensure(
  key: string,
  open: () => Readable,
  shipping: string,
  store: ContextStore,
  { signal, reporter }: Operation,
): Promise<void> {
  if (await store.exists(key, signal)) return;
  reporter.status(shipping);
  await store.put(key, open, signal);
}

function streamOf(bytes: Buffer): Readable {
  return Readable.from([bytes], { objectMode: false });
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
