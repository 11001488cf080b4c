import type { Digest } from "../image/digest.ts";
import type { Repository } from "../image/repository.ts";
import type { Operation } from "../support/operation.ts";
import { formatReference, type ImageReference, type ImageRegistry } from "./image-registry.ts";

export interface OwnedImage {
  readonly repository: Repository;
  readonly digest: Digest;
  /** The tags that belong to the resource that goes. */
  readonly tags: readonly string[];
  /** The tags of the images that its index is made of; empty for a single image. */
  readonly childTags: readonly string[];
}

/**
 * Removes what a resource owns: its tags as far as they are still on this digest, and the digest if no other tag is left on it and no index
 * lists it; after an index, and only then, its children in the same way. Gone already is success.
 */
export async function removeImage(owned: OwnedImage, registry: ImageRegistry, operation: Operation): Promise<void> {
  const { repository, digest, tags, childTags } = owned;
  if (!(await removeOne(repository, { digest }, tags, registry, operation))) return;
  for (const tag of childTags) await removeOne(repository, { tag }, childTags, registry, operation);
}

/** Answers whether the image is gone. */
async function removeOne(
  repository: Repository,
  reference: ImageReference,
  tags: readonly string[],
  registry: ImageRegistry,
  { signal, reporter }: Operation,
): Promise<boolean> {
  const described = await registry.describe(repository, reference, signal);
  if (described === undefined) return true;
  const { digest } = described;
  const own = described.tags.filter((tag) => tags.includes(tag));
  if (own.length < described.tags.length) {
    const references = own.map((tag) => ({ tag }));
    if (references.length > 0) await registry.remove(repository, references, signal);
    return false;
  }
  const kept = await registry.remove(repository, [{ digest }], signal);
  if (kept.length > 0) reporter.info(`kept "${formatReference(repository, { digest })}", which an image index lists`);
  return kept.length === 0;
}
