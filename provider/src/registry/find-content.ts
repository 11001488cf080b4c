import type { Repository } from "../image/repository.ts";
import type { Operation } from "../support/operation.ts";
import type { FoundImage, ImageRegistry } from "./image-registry.ts";

/** The tags that one content may have, the one it is given now first. */
export interface ContentTags {
  readonly contentTag: string;
  readonly earlierTags: readonly string[];
}

/** Looks for a content by each of its tags. The lookups are one call; the first tag that is there wins. */
export async function findContent(
  repository: Repository,
  { contentTag, earlierTags }: ContentTags,
  registry: ImageRegistry,
  { signal }: Operation,
): Promise<{ readonly image: FoundImage; readonly tag: string } | undefined> {
  const tags = [contentTag, ...earlierTags];
  const images = await Promise.all(tags.map((tag) => registry.find(repository, { tag }, signal)));
  return tags.flatMap((tag, i) => {
    const image = images[i];
    return image === undefined ? [] : [{ image, tag }];
  })[0];
}
