import { Readable } from "node:stream";
import type { Operation } from "../support/operation.ts";
import { assemblyKeys, contextKey } from "./context-assembly.ts";
import { manifestChunks, manifestOf } from "./context-manifest.ts";
import type { ResolvedContext } from "./context-reader.ts";
import type { ContextStore } from "./context-store.ts";
import { compressed } from "./pack-context.ts";
import { rememberShipping, shipContext, type ContextHistory } from "./ship-context.ts";
import { manifestKey } from "./shipped-manifest.ts";
import { treeDigest } from "./tree-digest.ts";

/** What the build reads: the object keys in the store's bucket. */
export interface StagedContext {
  /** The whole context's archive; it need not be there if there is an assembly. */
  readonly contextKey: string;
  readonly assembly?: StagedAssembly;
  readonly dockerfileKey: string;
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
 * Makes a context readable by the cloud. Objects are named by their content, so what is there already is not sent again.
 *
 * @param history lets a delta be sent where an earlier context is there; without it the context is sent whole
 */
export async function stageContext(
  context: ResolvedContext,
  store: ContextStore,
  operation: Operation,
  history?: ContextHistory,
): Promise<StagedContext> {
  const dockerfileKey = `cloudbuild/dockerfiles/${context.dockerfile.sha256}/Dockerfile`;
  const { signal } = operation;
  const [parts] = await Promise.all([
    shipContext(context, history, store, operation),
    ensure(manifestKey(context.contextHash), () => compressed(manifestChunks(manifestOf(context.entries)), signal)),
    ensure(dockerfileKey, () => Readable.from([context.dockerfile.bytes], { objectMode: false })),
  ]);
  if (parts !== undefined && history !== undefined) await rememberShipping(parts, history, store, operation);
  const staged = { contextKey: contextKey(context.contextHash), dockerfileKey };
  if (parts === undefined || parts.length === 1) return staged;
  const [baseKey = "", ...deltaKeys] = assemblyKeys(parts);
  return { ...staged, assembly: { baseKey, deltaKeys, treeDigest: treeDigest(context.entries) } };

  async function ensure(key: string, open: () => Readable): Promise<void> {
    if ((await store.stat(key, signal)) === undefined) await store.put(key, open, signal);
  }
}
