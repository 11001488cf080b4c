import type { Digest } from "../image/digest.ts";
import type { Repository } from "../image/repository.ts";
import type { Operation } from "../support/operation.ts";
import type { ImageRegistry } from "./image-registry.ts";

export interface OwnedImage {
  readonly repository: Repository;
  readonly digest: Digest;
  /** The tags that belong to the resource that goes. */
  readonly tags: readonly string[];
}

/**
 * Removes what a resource owns: its tags as far as they are still on this digest, and the digest if no other tag is left on it. A digest
 * somebody else's tag is on stays. Gone already is success.
 */
export async function removeImage({ repository, digest, tags }: OwnedImage, registry: ImageRegistry, { signal }: Operation): Promise<void> {
  const described = await registry.describe(repository, digest, signal);
  if (described === undefined) return;
  const others = described.tags.filter((tag) => !tags.includes(tag));
  const own = described.tags.filter((tag) => tags.includes(tag));
  if (others.length === 0) return registry.remove(repository, [{ digest }], signal);
  if (own.length > 0)
    await registry.remove(
      repository,
      own.map((tag) => ({ tag })),
      signal,
    );
}
