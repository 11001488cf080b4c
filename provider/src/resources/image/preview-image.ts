import { findContent } from "../../registry/find-content.ts";
import { hasCode } from "../../errors/cloudbuild-error.ts";
import { parsePlatform } from "../../image/platform.ts";
import { contentTag } from "../../image/tag.ts";
import type { FoundImage } from "../../registry/image-registry.ts";
import { platformDigests } from "../../registry/manifest.ts";
import type { Operation } from "../../support/operation.ts";
import { unknown, type PropertyMap } from "../property-value.ts";
import { readImageArgs } from "./image-args.ts";
import { earlierTags } from "./image-plan.ts";
import type { ImageDeps } from "./image-deps.ts";
import { imageState, stateVersion } from "./image-state.ts";

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
  const image = await lookUp();
  if (image !== undefined) {
    const reused = {
      digest: image.digest,
      platformDigests: platformDigests(image, platforms.map(parsePlatform)),
      outcome: "reused",
    } as const;
    return imageState(inputs, { repository, tags, contentTag: contentTag(contentHash) }, reused);
  }
  if (args.onMissing === "fail") {
    operation.reporter.warn(
      `"${repository.url}:${contentTag(contentHash)}" does not exist yet, and onMissing is "fail": up will fail unless it is built elsewhere first`,
    );
  }
  return unsettled;

  async function lookUp(): Promise<FoundImage | undefined> {
    if (repository === undefined || repository === unknown || typeof contentHash !== "string") return undefined;
    try {
      const { registry } = deps.cloudFor(repository.ecr);
      const tags = { contentTag: contentTag(contentHash), earlierTags: earlierTags(args) };
      return (await findContent(repository, tags, registry, operation))?.image;
    } catch (error) {
      if (hasCode(error, "repository-missing")) return undefined;
      if (!hasCode(error, "access-denied", "credentials-unusable", "cloud-unavailable")) throw error;
      operation.reporter.warn(`cannot look into the registry, so the digest is not known in this preview: ${error.message}`);
      return undefined;
    }
  }
}
