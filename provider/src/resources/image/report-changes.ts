import { describeChanges } from "../../context/context-manifest.ts";
import { shippedManifest } from "../../context/shipping/shipped-manifest.ts";
import type { Operation } from "../../support/operation.ts";
import { textAt, type PropertyMap } from "../property-value.ts";
import { readImageArgs } from "./image-args.ts";
import type { ImageDeps } from "./image-deps.ts";

/**
 * Says in a preview which files of the context changed since the last build, from the manifest that was shipped with it. A kindness: what
 * cannot be told is left unsaid.
 */
export async function reportChanges(state: PropertyMap, newInputs: PropertyMap, deps: ImageDeps, operation: Operation): Promise<void> {
  const [before, after] = [textAt(state, "contextHash"), textAt(newInputs, "contextHash")];
  const { repository, contextBucket } = readImageArgs(newInputs, deps.defaults).args;
  if (
    before === undefined ||
    after === undefined ||
    before === after ||
    typeof contextBucket !== "string" ||
    typeof repository !== "object"
  )
    return;
  const now = deps.contexts.manifest(after);
  if (now === undefined) return;
  try {
    const then = await shippedManifest(before, deps.cloudFor(repository.ecr).contextStore(contextBucket), operation);
    const changes = then && describeChanges(then, now);
    if (changes !== undefined) operation.reporter.info(changes);
  } catch (error) {
    operation.signal.throwIfAborted();
    operation.reporter.debug(`cannot tell which files changed: ${String(error)}`);
  }
}
