import { hasCode } from "../../errors/cloudbuild-error.ts";
import { parseDigest } from "../../image/digest.ts";
import { parsePlatform } from "../../image/platform.ts";
import { parseRepository } from "../../image/repository.ts";
import { childTag } from "../../image/tag.ts";
import { removeImage } from "../../registry/remove-image.ts";
import type { Operation } from "../../support/operation.ts";
import { isPropertyMap, textAt, unwrap, type PropertyMap } from "../property-value.ts";
import type { DeleteRequest } from "../resource.ts";
import { readImageArgs } from "./image-args.ts";
import type { ImageDeps } from "./image-deps.ts";

/**
 * Keeps the image, unless the program said `onDelete: "delete"`: then this resource's tags go, and the digest with them if no other tag
 * uses it; then the images of its platforms, if it was an index. Tags that another image of the program has too (`declared`, as
 * `<repository>:<tag>`) are left to it: after a renaming or a replacement it is this very image. What is gone already is success.
 */
export async function deleteImage(
  request: DeleteRequest,
  declared: ReadonlySet<string>,
  deps: ImageDeps,
  operation: Operation,
): Promise<void> {
  const { args } = readImageArgs(request.oldInputs, deps.defaults);
  const [url, digest, contentTag] = ["repositoryUrl", "digest", "contentTag"].map((name) => textAt(request.state, name));
  if (args.onDelete === "retain" || url === undefined || digest === undefined) {
    operation.reporter.info('kept the image in the registry; `onDelete: "delete"` would remove it');
    return;
  }
  const repository = parseRepository(url);
  const all = [...(typeof args.tags === "symbol" ? [] : args.tags), ...(contentTag === undefined ? [] : [contentTag])];
  const tags = all.filter((tag) => !declared.has(`${repository.url}:${tag}`));
  if (tags.length < all.length) operation.reporter.info("left what another image of this program uses too");
  try {
    const owned = {
      repository,
      digest: parseDigest(digest),
      tags,
      childTags: contentTag === undefined ? [] : childTags(contentTag, request.state),
    };
    await removeImage(owned, deps.cloudFor(repository.ecr).registry, operation);
  } catch (error) {
    if (!hasCode(error, "repository-missing")) throw error;
  }
}

function childTags(contentTag: string, state: PropertyMap): readonly string[] {
  const digests = unwrap(state["platformDigests"] ?? null);
  const platforms = isPropertyMap(digests) ? Object.keys(digests) : [];
  return platforms.length > 1 ? platforms.map((platform) => childTag(contentTag, parsePlatform(platform))) : [];
}
