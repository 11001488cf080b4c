import type { Image, ImageDetail, ImageFailure, ImageIdentifier, ImageStatus } from "@aws-sdk/client-ecr";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { digestOf, parseDigest } from "../image/digest.ts";
import type { Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";
import { awsError, isNamed } from "../support/aws-errors.ts";
import type { Clock } from "../support/clock.ts";
import { coalesce } from "../support/coalesce.ts";
import { retry } from "../support/retry.ts";
import type { EcrApi } from "./ecr-api.ts";
import {
  indexMediaTypes,
  manifestMediaTypes,
  type DescribedImage,
  type FoundImage,
  type ImageReference,
  type ImageRegistry,
  type LocatedImage,
} from "./image-registry.ts";
import { createLocator, type Listing, type Locator } from "./locate-images.ts";
import { configDigestOf, parseIndex, parsePlatformOfConfig } from "./manifest.ts";

// What BatchGetImage and BatchDeleteImage take in one call.
const maxIds = 100;
// What DescribeImages lists in one call.
const maxListed = 1000;
// Resources that Pulumi handles together ask within this time of each other.
const windowMs = 20;

// What BatchGetImage answers of an image that is not there, and of one that nothing can pull. Any other failure says nothing of the image.
const notToBePulled: ReadonlySet<string> = new Set(["ImageNotFound", "ImageInaccessible"]);

type Lookup = (reference: string, signal: AbortSignal) => Promise<FoundImage | CloudBuildError | undefined>;

/** Amazon ECR as an image registry. Lookups that come together are one call for each hundred, per repository. */
export function createEcrRegistry({ api, clock }: { api: EcrApi; clock: Clock }): ImageRegistry {
  const lookups = new Map<string, Lookup>();
  const locators = new Map<string, Locator>();
  const platforms = new Map<string, readonly Platform[]>();
  const untilDone = new AbortController().signal;

  const call = async <T>(action: string, repository: Repository, signal: AbortSignal, make: () => Promise<T>): Promise<T> => {
    try {
      return await retry(make, { clock, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (isNamed(error, "RepositoryNotFoundException")) {
        throw new CloudBuildError("repository-missing", `"${repository.url}" does not exist`, { property: "repositoryUrl", cause: error });
      }
      throw awsError(error, `ecr:${action} on "${repository.url}"`);
    }
  };

  /** A call after which the repository is another one. */
  const change: typeof call = async (action, repository, signal, make) => {
    try {
      return await call(action, repository, signal, make);
    } finally {
      locators.get(repository.url)?.forget();
    }
  };

  function lookupIn(repository: Repository): Lookup {
    const known = lookups.get(repository.url);
    if (known !== undefined) return known;
    const lookup = coalesce<string, FoundImage | CloudBuildError>({
      clock,
      windowMs,
      maxBatch: maxIds,
      run: (references) => getImages(repository, references),
    });
    lookups.set(repository.url, lookup);
    return lookup;
  }

  function locatorIn(repository: Repository): Locator {
    const known = locators.get(repository.url);
    if (known !== undefined) return known;
    const locator = createLocator({
      clock,
      windowMs,
      maxIds,
      lookUp: (references) => getImages(repository, references),
      list: () => listImages(repository),
    });
    locators.set(repository.url, locator);
    return locator;
  }

  /** What can be pulled, as far as one page tells. */
  async function listImages(repository: Repository): Promise<Listing> {
    const images = new Map<string, LocatedImage>();
    try {
      const { imageDetails = [], nextToken } = await call("DescribeImages", repository, untilDone, () =>
        api.describeImages({ ...nameOf(repository), maxResults: maxListed }, untilDone),
      );
      for (const detail of imageDetails) {
        const { digest, mediaType, tags, status } = parseDetail(detail);
        if (status === "active") for (const reference of [digest, ...tags]) images.set(reference, { digest, mediaType });
      }
      return { images, complete: nextToken === undefined };
    } catch {
      return { images, complete: false };
    }
  }

  /** A reference whose lookup failed alone has its error for an answer, so that the others have theirs. */
  async function getImages(
    repository: Repository,
    references: readonly string[],
  ): Promise<ReadonlyMap<string, FoundImage | CloudBuildError>> {
    const { images = [], failures = [] } = await call("BatchGetImage", repository, untilDone, () =>
      api.batchGetImage(
        { ...nameOf(repository), imageIds: references.map(identifierOf), acceptedMediaTypes: [...manifestMediaTypes, ...indexMediaTypes] },
        untilDone,
      ),
    );
    const found = new Map<string, FoundImage | CloudBuildError>();
    for (const failure of failures.filter(({ failureCode = "" }) => !notToBePulled.has(failureCode))) {
      const error = new CloudBuildError("cloud-unavailable", `ecr:BatchGetImage on "${repository.url}": ${failureText(failure)}`);
      for (const reference of [failure.imageId?.imageTag, failure.imageId?.imageDigest]) if (reference) found.set(reference, error);
    }
    for (const image of images) {
      const parsed = parseImage(repository, image);
      found.set(parsed.digest, parsed);
      if (image.imageId?.imageTag !== undefined) found.set(image.imageId.imageTag, parsed);
    }
    return found;
  }

  return {
    async find(repository, reference, signal) {
      const found = await lookupIn(repository)(textOf(reference), signal);
      if (found instanceof CloudBuildError) throw found;
      return found;
    },
    locate: (repository, reference, operation) => locatorIn(repository).locate(textOf(reference), operation),
    async describe(repository, reference, signal) {
      // Without a filter, only active images are sure to be answered.
      const filter = { imageStatus: "ANY" } as const;
      const imageIds = [identifierOf(textOf(reference))];
      const input = { ...nameOf(repository), imageIds, filter };
      const described = await call("DescribeImages", repository, signal, async () => {
        try {
          return await api.describeImages(input, signal);
        } catch (error) {
          if (isNamed(error, "ImageNotFoundException")) return {};
          throw error;
        }
      });
      const [detail] = described.imageDetails ?? [];
      return detail === undefined ? undefined : parseDetail(detail);
    },
    async platformsOf(repository, image, signal) {
      const known = platforms.get(image.digest);
      if (known !== undefined) return known;
      const read = indexMediaTypes.has(image.mediaType)
        ? parseIndex(image).map(({ platform }) => platform)
        : [await platformOfManifest(image)];
      platforms.set(image.digest, read);
      return read;

      async function platformOfManifest(single: FoundImage): Promise<Platform> {
        const layerDigest = configDigestOf(single);
        const text = await call("GetDownloadUrlForLayer", repository, signal, () =>
          api.blob({ ...nameOf(repository), layerDigest }, signal),
        );
        return parsePlatformOfConfig(text, single.digest);
      }
    },
    async put(repository, image, tag, signal) {
      const { manifest, mediaType, digest } = image;
      const input = {
        ...nameOf(repository),
        imageManifest: manifest,
        imageManifestMediaType: mediaType,
        imageTag: tag,
        imageDigest: digest,
      };
      await change("PutImage", repository, signal, async () => {
        try {
          await api.putImage(input, signal);
        } catch (error) {
          if (isNamed(error, "ImageAlreadyExistsException")) return;
          if (isNamed(error, "ImageTagAlreadyExistsException")) {
            throw new CloudBuildError("tag-immutable", `tag "${tag}" of "${repository.url}" is on another image and cannot be moved`, {
              property: "tags",
              cause: error,
            });
          }
          if (isNamed(error, "ReferencedImagesNotFoundException")) {
            throw new CloudBuildError("image-unconfirmed", `the index for "${repository.url}:${tag}" lists an image that is not there`, {
              cause: error,
            });
          }
          throw error;
        }
      });
    },
    async remove(repository, references, signal) {
      const imageIds = references.map((reference) => identifierOf(textOf(reference)));
      const { failures = [] } = await change("BatchDeleteImage", repository, signal, () =>
        api.batchDeleteImage({ ...nameOf(repository), imageIds }, signal),
      );
      const listed = failures.filter(({ failureCode }) => failureCode === "ImageReferencedByManifestList").map(({ imageId }) => imageId);
      const real = failures.filter(({ failureCode }) => failureCode !== "ImageNotFound" && failureCode !== "ImageReferencedByManifestList");
      if (real.length > 0) {
        const text = real.map(failureText).join("; ");
        throw new CloudBuildError("image-unconfirmed", `ecr:BatchDeleteImage on "${repository.url}" left images behind: ${text}`);
      }
      return references.filter((reference) =>
        listed.some((id) => ("tag" in reference ? id?.imageTag === reference.tag : id?.imageDigest === reference.digest)),
      );
    },
  };
}

const statuses = { ACTIVE: "active", ARCHIVED: "archived", ACTIVATING: "activating" } as const satisfies Record<
  ImageStatus,
  DescribedImage["status"]
>;

function failureText({ imageId, failureCode, failureReason }: ImageFailure): string {
  return `${imageId?.imageTag ?? imageId?.imageDigest}: ${failureCode}: ${failureReason}`;
}

function nameOf({ name, ecr }: Repository): { repositoryName: string; registryId?: string } {
  return { repositoryName: name, ...(ecr === undefined ? {} : { registryId: ecr.accountId }) };
}

function textOf(reference: ImageReference): string {
  return "tag" in reference ? reference.tag : reference.digest;
}

function identifierOf(reference: string): ImageIdentifier {
  return reference.startsWith("sha256:") ? { imageDigest: reference } : { imageTag: reference };
}

function parseDetail({
  imageDigest = "",
  imageManifestMediaType: mediaType = "",
  imageTags: tags = [],
  imageStatus = "ACTIVE",
}: ImageDetail): DescribedImage {
  return { digest: parseDigest(imageDigest), mediaType, tags, status: statuses[imageStatus] };
}

function parseImage(repository: Repository, { imageId, imageManifest = "", imageManifestMediaType }: Image): FoundImage {
  const digest = parseDigest(imageId?.imageDigest ?? "");
  if (digestOf(imageManifest) !== digest) {
    throw new CloudBuildError("image-unconfirmed", `the manifest that "${repository.url}" answers for "${digest}" has another digest`);
  }
  const mediaType = imageManifestMediaType ?? (JSON.parse(imageManifest) as { mediaType?: string }).mediaType ?? "";
  return { digest, mediaType, manifest: imageManifest };
}
