import type { Digest } from "../image/digest.ts";
import type { Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";
import type { Operation } from "../support/operation.ts";

/** One image, or image index: which one, and of what kind. */
export interface LocatedImage {
  readonly digest: Digest;
  readonly mediaType: string;
}

/** One image, or image index, as the registry stores it. */
export interface FoundImage extends LocatedImage {
  /** The manifest, byte for byte: its sha256 is the digest. */
  readonly manifest: string;
}

export interface DescribedImage extends LocatedImage {
  readonly tags: readonly string[];
  /** Only what is active can be pulled. */
  readonly status: "active" | "archived" | "activating";
}

export type ImageReference = { readonly tag: string } | { readonly digest: Digest };

/** As a person writes it: `repository:tag` or `repository@sha256:…`. */
export function formatReference({ url }: Repository, reference: ImageReference): string {
  return "tag" in reference ? `${url}:${reference.tag}` : `${url}@${reference.digest}`;
}

/**
 * What is really in the registry. A repository that does not exist is "repository-missing"; anything else that goes wrong rejects and says
 * nothing about the image.
 */
export interface ImageRegistry {
  /** What can be pulled. `undefined` means definitely not: it is not there, or it is archived; `refuseArchived` tells one from the other. */
  find(repository: Repository, reference: ImageReference, signal: AbortSignal): Promise<FoundImage | undefined>;
  /**
   * The same as `find`, for what is only shown: an answer may be some seconds old, and costs next to nothing where many resources ask.
   * Nothing is built, moved or deleted upon it.
   */
  locate(repository: Repository, reference: ImageReference, operation: Operation): Promise<LocatedImage | undefined>;
  /** Tells all tags of one image, archived or not. `undefined` means definitely not there. */
  describe(repository: Repository, reference: ImageReference, signal: AbortSignal): Promise<DescribedImage | undefined>;
  /** The platforms of an image: one for a manifest, one for each child of an index. */
  platformsOf(repository: Repository, image: FoundImage, signal: AbortSignal): Promise<readonly Platform[]>;
  /** Stores the manifest under a tag. Done already is success; a tag that cannot be moved is "tag-immutable". */
  put(repository: Repository, image: FoundImage, tag: string, signal: AbortSignal): Promise<void>;
  /**
   * Takes tags off, or images away with everything on them. What is not there is success. Answers those that stay because an index lists
   * them.
   */
  remove(repository: Repository, references: readonly ImageReference[], signal: AbortSignal): Promise<readonly ImageReference[]>;
}

export const indexMediaTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
export const manifestMediaTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
