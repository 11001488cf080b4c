import type { Digest } from "../image/digest.ts";
import type { Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";

/** One image, or image index, as the registry stores it. */
export interface FoundImage {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The manifest, byte for byte: its sha256 is the digest. */
  readonly manifest: string;
}

export interface DescribedImage {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly tags: readonly string[];
}

export type ImageReference = { readonly tag: string } | { readonly digest: Digest };

/**
 * What is really in the registry. `undefined` means definitely not there; a repository that does not exist is "repository-missing"; anything
 * else that goes wrong rejects and says nothing about the image.
 */
export interface ImageRegistry {
  find(repository: Repository, reference: ImageReference, signal: AbortSignal): Promise<FoundImage | undefined>;
  /** Tells all tags of one image. */
  describe(repository: Repository, digest: Digest, signal: AbortSignal): Promise<DescribedImage | undefined>;
  /** The platforms of an image: one for a manifest, one for each child of an index. */
  platformsOf(repository: Repository, image: FoundImage, signal: AbortSignal): Promise<readonly Platform[]>;
  /** Stores the manifest under a tag. Done already is success; a tag that cannot be moved is "tag-immutable". */
  put(repository: Repository, image: FoundImage, tag: string, signal: AbortSignal): Promise<void>;
  /** Takes tags off, or images away with everything on them. What is not there is success. */
  remove(repository: Repository, references: readonly ImageReference[], signal: AbortSignal): Promise<void>;
}

export const indexMediaTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
export const manifestMediaTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
