import type { Repository } from "../image/repository.ts";
import type { Operation } from "../support/operation.ts";
import type { FoundImage, ImageRegistry } from "./image-registry.ts";

/** Puts tags on an image that is there, without pulling or building it. A tag that is on it already is left alone. */
export async function retagImage(
  repository: Repository,
  image: FoundImage,
  tags: readonly string[],
  registry: ImageRegistry,
  { signal }: Operation,
): Promise<void> {
  const current = await Promise.all(tags.map((tag) => registry.find(repository, { tag }, signal)));
  for (const [i, tag] of tags.entries()) {
    if (current[i]?.digest !== image.digest) await registry.put(repository, image, tag, signal);
  }
}
