import { describeChanges } from "../../context/context-manifest.ts";
import type { ContextStore } from "../../context/shipping/context-store.ts";
import { shippedManifest } from "../../context/shipping/shipped-manifest.ts";
import type { Operation } from "../../support/operation.ts";
import { isPropertyMap, textAt, unwrap, type PropertyMap } from "../property-value.ts";
import { readImageArgs } from "./image-args.ts";
import type { ImageDeps } from "./image-deps.ts";

/**
 * Says in a preview which files of the contexts changed since the last build, from the manifests that were shipped with it. A kindness: what
 * cannot be told is left unsaid.
 */
export async function reportChanges(state: PropertyMap, newInputs: PropertyMap, deps: ImageDeps, operation: Operation): Promise<void> {
  const { repository, contextBucket } = readImageArgs(newInputs, deps.defaults).args;
  if (typeof contextBucket !== "string" || typeof repository !== "object") return;
  const store = deps.cloudFor(repository.ecr).contextStore(contextBucket);
  const [before, after] = [state, newInputs].map(contextHashes);
  for (const [name, hash] of after ?? []) {
    const changes = await changesOf(before?.get(name), hash, store, deps, operation);
    if (changes !== undefined) operation.reporter.info(name === "" ? changes : `context ${name}: ${changes}`);
  }
}

/** By name; the main context has none. */
function contextHashes(properties: PropertyMap): ReadonlyMap<string, string> {
  const named = unwrap(properties["contextHashes"] ?? null);
  const all = { "": textAt(properties, "contextHash"), ...(isPropertyMap(named) ? named : {}) };
  return new Map(Object.entries(all).flatMap(([name, hash]) => (typeof hash === "string" ? [[name, hash] as const] : [])));
}

async function changesOf(
  before: string | undefined,
  after: string,
  store: ContextStore,
  { contexts }: ImageDeps,
  operation: Operation,
): Promise<string | undefined> {
  if (before === undefined || before === after) return undefined;
  const now = contexts.manifest(after);
  if (now === undefined) return undefined;
  try {
    const then = await shippedManifest(before, store, operation);
    return then && describeChanges(then, now);
  } catch (error) {
    operation.signal.throwIfAborted();
    operation.reporter.debug(`cannot tell which files changed: ${String(error)}`);
    return undefined;
  }
}
