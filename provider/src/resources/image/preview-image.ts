import { hasCode } from "../../errors/cloudbuild-error.ts";
import { parsePlatform, type Platform } from "../../image/platform.ts";
import type { Repository } from "../../image/repository.ts";
import { contentTag } from "../../image/tag.ts";
import { findContent, type ContentTags } from "../../registry/find-content.ts";
import { indexMediaTypes } from "../../registry/image-registry.ts";
import { platformDigests, sameForAll } from "../../registry/manifest.ts";
import type { Operation } from "../../support/operation.ts";
import { unknown, type PropertyMap } from "../property-value.ts";
import { readImageArgs } from "./image-args.ts";
import { earlierTags } from "./image-plan.ts";
import type { ImageDeps } from "./image-deps.ts";
import { imageState, stateVersion, type SettledImage } from "./image-state.ts";

/**
 * The outputs as far as a preview can know them. Nothing is built, uploaded or moved. If the registry has this content already, its
 * digest is known now; otherwise it is unknown, never empty. A repository that does not exist yet is normal.
 */
export async function previewImage(inputs: PropertyMap, deps: ImageDeps, operation: Operation): Promise<PropertyMap> {
  const { args } = readImageArgs(inputs, deps.defaults);
  const { repository, contentHash, platforms, tags } = args;
  const unsettled: PropertyMap = {
    ...inputs,
    imageUri: unknown,
    digest: unknown,
    platformDigests: unknown,
    contentTag: typeof contentHash === "string" ? contentTag(contentHash) : unknown,
    tags: tags === unknown ? unknown : [...tags],
    outcome: unknown,
    buildId: unknown,
    logsUrl: unknown,
    duration: unknown,
    stateVersion,
  };
  if (repository === undefined || repository === unknown || typeof contentHash !== "string") return unsettled;
  if (platforms === unknown || tags === unknown) return unsettled;
  const contentTags = { contentTag: contentTag(contentHash), earlierTags: earlierTags(args) };
  const reused = await reusedImage(repository, contentTags, platforms.map(parsePlatform), deps, operation);
  if (reused !== undefined) return imageState(inputs, { repository, tags, contentTag: contentTags.contentTag }, reused);
  if (args.onMissing === "fail") {
    operation.reporter.warn(
      `"${repository.url}:${contentTags.contentTag}" does not exist yet, and onMissing is "fail": up will fail unless it is built elsewhere first`,
    );
  }
  return unsettled;
}

/** What an update would reuse. A registry that cannot be asked is a warning: a preview can go without. */
async function reusedImage(
  repository: Repository,
  contentTags: ContentTags,
  platforms: readonly Platform[],
  deps: ImageDeps,
  operation: Operation,
): Promise<SettledImage | undefined> {
  try {
    const { registry } = deps.cloudFor(repository.ecr);
    const found = await findContent(contentTags, (tag) => registry.locate(repository, { tag }, operation));
    if (found === undefined) return undefined;
    const { digest, mediaType } = found.image;
    if (!indexMediaTypes.has(mediaType)) return { digest, platformDigests: sameForAll(platforms, digest), outcome: "reused" };
    // What an index is made of stands in its manifest alone.
    const index = await registry.find(repository, { digest }, operation.signal);
    return index === undefined ? undefined : { digest, platformDigests: platformDigests(index, platforms), outcome: "reused" };
  } catch (error) {
    if (hasCode(error, "repository-missing")) return undefined;
    if (!hasCode(error, "access-denied", "credentials-unusable", "cloud-unavailable")) throw error;
    operation.reporter.warn(`cannot look into the registry, so the digest is not known in this preview: ${error.message}`);
    return undefined;
  }
}
