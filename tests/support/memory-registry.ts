import { CloudBuildError } from "../../provider/src/errors/cloudbuild-error.ts";
import { digestOf, type Digest } from "../../provider/src/image/digest.ts";
import type { Platform } from "../../provider/src/image/platform.ts";
import type { Repository } from "../../provider/src/image/repository.ts";
import { indexMediaTypes, type FoundImage, type ImageReference, type ImageRegistry } from "../../provider/src/registry/image-registry.ts";

/** A registry that keeps images in memory: the same promises as ECR's, checked by the same tests. */
export interface MemoryRegistry extends ImageRegistry {
  /** Stores an image as a push would, and tags it. */
  push(repository: Repository, manifest: string, mediaType: string, platforms: readonly Platform[], tags: readonly string[]): FoundImage;
  makeImmutable(repository: Repository): void;
}

interface Stored {
  readonly image: FoundImage;
  readonly platforms: readonly Platform[];
}

interface Shelf {
  readonly images: Map<Digest, Stored>;
  readonly tags: Map<string, Digest>;
  immutable: boolean;
}

export function memoryRegistry(repositories: readonly string[]): MemoryRegistry {
  const shelves = new Map<string, Shelf>(repositories.map((name) => [name, { images: new Map(), tags: new Map(), immutable: false }]));

  function shelf({ name, url }: Repository): Shelf {
    const found = shelves.get(name);
    if (found === undefined) throw new CloudBuildError("repository-missing", `"${url}" does not exist`, { property: "repositoryUrl" });
    return found;
  }

  function lookUp({ images, tags }: Shelf, reference: ImageReference): Stored | undefined {
    const digest = "tag" in reference ? tags.get(reference.tag) : reference.digest;
    return digest === undefined ? undefined : images.get(digest);
  }

  return {
    push(repository, manifest, mediaType, platforms, tags) {
      const at = shelf(repository);
      const image: FoundImage = { digest: digestOf(manifest), manifest, mediaType };
      at.images.set(image.digest, { image, platforms });
      for (const tag of tags) at.tags.set(tag, image.digest);
      return image;
    },
    makeImmutable: (repository) => void (shelf(repository).immutable = true),
    find: async (repository, reference) => lookUp(shelf(repository), reference)?.image,
    async describe(repository, digest) {
      const { images, tags } = shelf(repository);
      const stored = images.get(digest);
      if (stored === undefined) return undefined;
      return { digest, mediaType: stored.image.mediaType, tags: [...tags].filter(([, on]) => on === digest).map(([tag]) => tag) };
    },
    platformsOf: async (repository, { digest }) => shelf(repository).images.get(digest)?.platforms ?? [],
    async put(repository, image, tag) {
      const at = shelf(repository);
      const on = at.tags.get(tag);
      if (at.immutable && on !== undefined && on !== image.digest) {
        throw new CloudBuildError("tag-immutable", `tag "${tag}" of "${repository.url}" is on another image and cannot be moved`, {
          property: "tags",
        });
      }
      if (!at.images.has(image.digest)) at.images.set(image.digest, { image, platforms: [] });
      at.tags.set(tag, image.digest);
    },
    async remove(repository, references) {
      const at = shelf(repository);
      for (const reference of references) {
        const digest = "tag" in reference ? at.tags.get(reference.tag) : reference.digest;
        if (digest === undefined || !at.images.has(digest)) continue;
        const parent = [...at.images.values()].find(({ image }) => indexMediaTypes.has(image.mediaType) && image.manifest.includes(digest));
        if ("tag" in reference) at.tags.delete(reference.tag);
        const left = [...at.tags.values()].includes(digest);
        if ("tag" in reference && left) continue;
        if (parent !== undefined) throw new CloudBuildError("image-unconfirmed", `"${digest}" is part of "${parent.image.digest}"`);
        at.images.delete(digest);
        for (const [tag, on] of at.tags) if (on === digest) at.tags.delete(tag);
      }
    },
  };
}
