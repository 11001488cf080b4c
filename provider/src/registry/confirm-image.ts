import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { Digest } from "../image/digest.ts";
import { formatPlatform, samePlatform, type Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";
import type { Clock } from "../support/clock.ts";
import type { Operation } from "../support/operation.ts";
import { indexMediaTypes, manifestMediaTypes, type FoundImage, type ImageReference, type ImageRegistry } from "./image-registry.ts";

export interface ExpectedImage {
  readonly repository: Repository;
  /** What the build says it pushed. */
  readonly digest: Digest;
  /** Tags that must point to it. */
  readonly tags: readonly string[];
  readonly platforms: readonly Platform[];
}

// A push is visible to every reader within seconds; five looks over about ten of them.
const pausesMs = [500, 1500, 3000, 5000] as const;

/**
 * Answers the image once the registry confirms it: there by its digest and by each tag, with a media type and platforms as expected.
 * Waits only for what is not visible yet; what is there and wrong is "image-unconfirmed" at once.
 */
export async function confirmImage(
  expected: ExpectedImage,
  registry: ImageRegistry,
  clock: Clock,
  operation: Operation,
): Promise<FoundImage> {
  const { repository, digest } = expected;
  const image = await visible(expected, { digest }, registry, clock, operation);
  if (!manifestMediaTypes.has(image.mediaType) && !indexMediaTypes.has(image.mediaType)) {
    throw unconfirmed(expected, `has media type "${image.mediaType}", which is no image`);
  }
  for (const tag of expected.tags) {
    const tagged = await visible(expected, { tag }, registry, clock, operation);
    if (tagged.digest !== digest) throw unconfirmed(expected, `was pushed as "${tag}", but that tag is on "${tagged.digest}"`);
  }
  const actual = await registry.platformsOf(repository, image, operation.signal);
  for (const wanted of expected.platforms) {
    if (!actual.some((platform) => samePlatform(wanted, platform))) {
      throw unconfirmed(expected, `is for ${actual.map(formatPlatform).join(", ") || "no platform"}, not for ${formatPlatform(wanted)}`);
    }
  }
  return image;
}

async function visible(
  expected: ExpectedImage,
  reference: ImageReference,
  registry: ImageRegistry,
  clock: Clock,
  operation: Operation,
): Promise<FoundImage> {
  const image = await findPushed(expected.repository, reference, registry, clock, operation);
  if (image !== undefined) return image;
  throw unconfirmed(expected, "tag" in reference ? `is not there by its tag "${reference.tag}"` : "is not there");
}

/** Looks for what was just pushed until it becomes visible; undefined if it does not in time. */
export async function findPushed(
  repository: Repository,
  reference: ImageReference,
  registry: ImageRegistry,
  clock: Clock,
  { signal }: Operation,
): Promise<FoundImage | undefined> {
  for (const pause of [...pausesMs, undefined]) {
    const image = await registry.find(repository, reference, signal);
    if (image !== undefined) return image;
    if (pause !== undefined) await clock.sleep(pause, signal);
  }
  return undefined;
}

function unconfirmed({ repository, digest }: ExpectedImage, what: string): CloudBuildError {
  return new CloudBuildError("image-unconfirmed", `"${repository.url}@${digest}", which the build says it pushed, ${what}`);
}
