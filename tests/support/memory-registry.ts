import { CloudBuildError } from "../../provider/src/errors/cloudbuild-error.ts";
import { digestOf, type Digest } from "../../provider/src/image/digest.ts";
import type { Platform } from "../../provider/src/image/platform.ts";
import type { Repository } from "../../provider/src/image/repository.ts";
import {
  indexMediaTypes,
  type DescribedImage,
  type FoundImage,
  type ImageReference,
  type ImageRegistry,
} from "../../provider/src/registry/image-registry.ts";

/** A registry that keeps images in memory: the same promises as ECR's, checked by the same tests. */
export interface MemoryRegistry extends ImageRegistry {
  /** Stores an image as a push would, and tags it. */
  push(repository: Repository, manifest: string, mediaType: string, platforms: readonly Platform[], tags: readonly string[]): FoundImage;
  makeImmutable(repository: Repository): void;
  setStatus(repository: Repository, digest: Digest, status: DescribedImage["status"]): void;
}

interface Stored {
  readonly image: FoundImage;
  readonly platforms: readonly Platform[];
  status: DescribedImage["status"];
}

interface IndexContent {
  readonly manifests: readonly { readonly digest: Digest; readonly platform: Platform }[];
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

  const childrenOf = ({ mediaType, manifest }: FoundImage): IndexContent["manifests"] =>
    indexMediaTypes.has(mediaType) ? (JSON.parse(manifest) as IndexContent).manifests : [];

  return {
    push(repository, manifest, mediaType, platforms, tags) {
      const at = shelf(repository);
      const image: FoundImage = { digest: digestOf(manifest), manifest, mediaType };
      at.images.set(image.digest, { image, platforms, status: "active" });
      for (const tag of tags) at.tags.set(tag, image.digest);
      return image;
    },
    makeImmutable: (repository) => void (shelf(repository).immutable = true),
    setStatus(repository, digest, status) {
      const stored = shelf(repository).images.get(digest);
      if (stored !== undefined) stored.status = status;
    },
    async find(repository, reference) {
      const stored = lookUp(shelf(repository), reference);
      return stored?.status === "active" ? stored.image : undefined;
    },
    async locate(repository, reference) {
      const stored = lookUp(shelf(repository), reference);
      return stored?.status === "active" ? { digest: stored.image.digest, mediaType: stored.image.mediaType } : undefined;
    },
    async describe(repository, reference) {
      const at = shelf(repository);
      const stored = lookUp(at, reference);
      if (stored === undefined) return undefined;
      const { digest, mediaType } = stored.image;
      return { digest, mediaType, tags: [...at.tags].filter(([, on]) => on === digest).map(([tag]) => tag), status: stored.status };
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
      const children = childrenOf(image);
      if (children.some(({ digest }) => !at.images.has(digest))) {
        throw new CloudBuildError("image-unconfirmed", `the index for "${repository.url}:${tag}" lists an image that is not there`);
      }
      const platforms = children.map(({ platform }) => platform);
      if (!at.images.has(image.digest)) at.images.set(image.digest, { image, platforms, status: "active" });
      at.tags.set(tag, image.digest);
    },
    async remove(repository, references) {
      const at = shelf(repository);
      const kept: ImageReference[] = [];
      for (const reference of references) {
        const digest = "tag" in reference ? at.tags.get(reference.tag) : reference.digest;
        if (digest === undefined || !at.images.has(digest)) continue;
        const last = "digest" in reference || [...at.tags.values()].filter((on) => on === digest).length === 1;
        if (last && [...at.images.values()].some(({ image }) => childrenOf(image).some((child) => child.digest === digest))) {
          kept.push(reference);
          continue;
        }
        if ("tag" in reference) at.tags.delete(reference.tag);
        if (!last) continue;
        at.images.delete(digest);
        for (const [tag, on] of at.tags) if (on === digest) at.tags.delete(tag);
      }
      return kept;
    },
  };
}
