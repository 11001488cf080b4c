import type { Image, ImageIdentifier } from "@aws-sdk/client-ecr";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { digestOf, parseDigest } from "../image/digest.ts";
import type { Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";
import { awsError, isNamed } from "../support/aws-errors.ts";
import type { Clock } from "../support/clock.ts";
import { coalesce } from "../support/coalesce.ts";
import { retry } from "../support/retry.ts";
import type { EcrApi } from "./ecr-api.ts";
import { indexMediaTypes, manifestMediaTypes, type FoundImage, type ImageRegistry } from "./image-registry.ts";
import { parseIndexPlatforms, parsePlatformOfConfig, configDigestOf } from "./manifest.ts";

// What BatchGetImage and BatchDeleteImage take in one call.
const maxIds = 100;
// Resources that Pulumi handles together ask within this time of each other.
const windowMs = 20;

type Lookup = (reference: string, signal: AbortSignal) => Promise<FoundImage | undefined>;

/** Amazon ECR as an image registry. Lookups that come together are one call for each hundred, per repository. */
export function createEcrRegistry({ api, clock }: { api: EcrApi; clock: Clock }): ImageRegistry {
  const lookups = new Map<string, Lookup>();
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

  function lookupIn(repository: Repository): Lookup {
    const known = lookups.get(repository.url);
    if (known !== undefined) return known;
    const lookup = coalesce<string, FoundImage>({
      clock,
      windowMs,
      maxBatch: maxIds,
      run: (references) => getImages(repository, references),
    });
    lookups.set(repository.url, lookup);
    return lookup;
  }

  async function getImages(repository: Repository, references: readonly string[]): Promise<ReadonlyMap<string, FoundImage>> {
    const { images = [] } = await call("BatchGetImage", repository, untilDone, () =>
      api.batchGetImage(
        { ...nameOf(repository), imageIds: references.map(identifierOf), acceptedMediaTypes: [...manifestMediaTypes, ...indexMediaTypes] },
        untilDone,
      ),
    );
    const found = new Map<string, FoundImage>();
    for (const image of images) {
      const parsed = parseImage(repository, image);
      found.set(parsed.digest, parsed);
      if (image.imageId?.imageTag !== undefined) found.set(image.imageId.imageTag, parsed);
    }
    return found;
  }

  return {
    find: (repository, reference, signal) => lookupIn(repository)("tag" in reference ? reference.tag : reference.digest, signal),
    async describe(repository, digest, signal) {
      const input = { ...nameOf(repository), imageIds: [{ imageDigest: digest }] };
      const described = await call("DescribeImages", repository, signal, async () => {
        try {
          return await api.describeImages(input, signal);
        } catch (error) {
          if (isNamed(error, "ImageNotFoundException")) return {};
          throw error;
        }
      });
      const [detail] = described.imageDetails ?? [];
      return detail && { digest, mediaType: detail.imageManifestMediaType ?? "", tags: detail.imageTags ?? [] };
    },
    async platformsOf(repository, image, signal) {
      const known = platforms.get(image.digest);
      if (known !== undefined) return known;
      const read = indexMediaTypes.has(image.mediaType) ? parseIndexPlatforms(image) : [await platformOfManifest(image)];
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
      await call("PutImage", repository, signal, async () => {
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
          throw error;
        }
      });
    },
    async remove(repository, references, signal) {
      const imageIds = references.map((reference) => identifierOf("tag" in reference ? reference.tag : reference.digest));
      const { failures = [] } = await call("BatchDeleteImage", repository, signal, () =>
        api.batchDeleteImage({ ...nameOf(repository), imageIds }, signal),
      );
      const real = failures.filter(({ failureCode }) => failureCode !== "ImageNotFound");
      if (real.length === 0) return;
      const text = real.map(
        ({ imageId, failureCode, failureReason }) => `${imageId?.imageTag ?? imageId?.imageDigest}: ${failureCode}: ${failureReason}`,
      );
      throw new CloudBuildError("image-unconfirmed", `ecr:BatchDeleteImage on "${repository.url}" left images behind: ${text.join("; ")}`, {
        hint: "remove what refers to these images first, then run again",
      });
    },
  };
}

function nameOf({ name, ecr }: Repository): { repositoryName: string; registryId?: string } {
  return { repositoryName: name, ...(ecr === undefined ? {} : { registryId: ecr.accountId }) };
}

function identifierOf(reference: string): ImageIdentifier {
  return reference.startsWith("sha256:") ? { imageDigest: reference } : { imageTag: reference };
}

function parseImage(repository: Repository, { imageId, imageManifest = "", imageManifestMediaType }: Image): FoundImage {
  const digest = parseDigest(imageId?.imageDigest ?? "");
  if (digestOf(imageManifest) !== digest) {
    throw new CloudBuildError("image-unconfirmed", `the manifest that "${repository.url}" answers for "${digest}" has another digest`);
  }
  const mediaType = imageManifestMediaType ?? (JSON.parse(imageManifest) as { mediaType?: string }).mediaType ?? "";
  return { digest, mediaType, manifest: imageManifest };
}
