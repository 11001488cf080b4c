import type { Operation } from "../../support/operation.ts";
import { decodeManifest, type ContextManifest } from "../context-manifest.ts";
import type { ContextStore } from "./context-store.ts";

export function manifestKey(contextHash: string): string {
  return `cloudbuild/manifests/${contextHash}.gz`;
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
