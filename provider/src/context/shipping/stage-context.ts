import { Readable } from "node:stream";
import type { Operation } from "../../support/operation.ts";
import { assemblyKeys, contextKey } from "./context-assembly.ts";
import { manifestChunks, manifestOf } from "../context-manifest.ts";
import type { ReadFolder } from "../files/context-reader.ts";
import type { ContextStore } from "./context-store.ts";
import type { DockerfileText } from "../files/dockerfile-text.ts";
import { compressed } from "./pack-context.ts";
import { rememberShipping, shipContext, type ContextHistory } from "./ship-context.ts";
import { manifestKey } from "./shipped-manifest.ts";
import { treeDigest } from "./tree-digest.ts";

/** What the build reads. */
export interface StagedObject {
  readonly bucket: string;
  readonly key: string;
}

export interface StagedFolder {
  /** The whole context's archive; it need not be there if there is an assembly. */
  readonly object: StagedObject;
  readonly assembly?: StagedAssembly;
}

/** An earlier context, and what turns it into this one. */
export interface StagedAssembly {
  readonly baseKey: string;
  /** In the order they are to be unpacked. */
  readonly deltaKeys: readonly string[];
  /** What the tree must digest to when it is put together; see `treeDigest`. */
  readonly treeDigest: string;
}

/**
 * Makes a folder readable by the cloud. Objects are named by their content, so what is there already is not sent again.
 *
 * @param history lets a delta be sent where an earlier context is there; without it the context is sent whole
 */
export async function stageFolder(
  folder: ReadFolder,
  store: ContextStore,
  operation: Operation,
  history?: ContextHistory,
): Promise<StagedFolder> {
  const { signal } = operation;
  const [parts] = await Promise.all([
    shipContext(folder, history, store, operation),
    ensure(manifestKey(folder.contextHash), () => compressed(manifestChunks(manifestOf(folder.entries)), signal), store, signal),
  ]);
  if (parts !== undefined && history !== undefined) await rememberShipping(parts, history, store, operation);
  const object = { bucket: store.bucket, key: contextKey(folder.contextHash) };
  if (parts === undefined || parts.length === 1) return { object };
  const [baseKey = "", ...deltaKeys] = assemblyKeys(parts);
  return { object, assembly: { baseKey, deltaKeys, treeDigest: treeDigest(folder.entries) } };
}

/** A Dockerfile is carried beside the context: an ignore file may hide it there. */
export async function stageDockerfile(
  { bytes, sha256 }: DockerfileText,
  store: ContextStore,
  { signal }: Operation,
): Promise<StagedObject> {
  const key = `cloudbuild/dockerfiles/${sha256}/Dockerfile`;
  await ensure(key, () => Readable.from([bytes], { objectMode: false }), store, signal);
  return { bucket: store.bucket, key };
}

// What no program can take for anything else than the path of a file.
const plainPath = /^\w[\w./+@-]*$/;

/** Where a context holds the very bytes of the Dockerfile, in whatever file. Then it need not be carried beside it. */
export function pathOfDockerfile({ entries }: ReadFolder, { sha256 }: DockerfileText): string | undefined {
  return entries.find((entry) => entry.kind === "file" && entry.sha256 === sha256 && plainPath.test(entry.path))?.path;
}

async function ensure(key: string, open: () => Readable, store: ContextStore, signal: AbortSignal): Promise<void> {
  if ((await store.stat(key, signal)) === undefined) await store.put(key, open, signal);
}
