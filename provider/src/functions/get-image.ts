import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { parseDigest, type Digest } from "../image/digest.ts";
import { formatPlatform } from "../image/platform.ts";
import { parseRepository, type Repository } from "../image/repository.ts";
import { contentTag, isContentTag, isReservedTag, parseTag } from "../image/tag.ts";
import { formatReference, type FoundImage, type ImageReference, type ImageRegistry } from "../registry/image-registry.ts";
import { platformDigests } from "../registry/manifest.ts";
import { refuseArchived } from "../registry/refuse-archived.ts";
import type { ImageDeps } from "../resources/image/image-deps.ts";
import { readInputs, type InputReader, type Maybe } from "../resources/input-reader.ts";
import { unknown, type PropertyMap } from "../resources/property-value.ts";
import type { ProviderFunction } from "../resources/resource.ts";
import type { Operation } from "../support/operation.ts";

export const getImageToken = "cloudbuild:index:getImage";
export const getImageInputs = ["repositoryUrl", "tag", "digest", "contentHash", "waitSeconds"] as const;

const contentHashForm = /^[0-9a-f]{64}$/;
const longestWaitSeconds = 86_400;
// A CI job that pushes takes minutes; a look every few seconds is soon enough and costs next to nothing.
const pauseMs = 3000;

interface Wanted {
  readonly repository: Repository;
  readonly reference: ImageReference;
  readonly waitSeconds: number;
}

/**
 * `cloudbuild:index:getImage`: what is in the registry, by tag, content hash or digest. Never builds. Waits up to `waitSeconds` for somebody
 * else to push; what is not there then is "image-missing".
 */
export function createGetImage(deps: ImageDeps): ProviderFunction {
  return {
    async call(inputs, operation) {
      const reader = readInputs(inputs);
      const wanted = readWanted(reader, deps);
      if (wanted === undefined || reader.failures.length > 0) return { failures: reader.failures };
      const { registry } = deps.cloudFor(wanted.repository.ecr);
      const image = await waitFor(wanted, registry, deps, operation);
      return { failures: [], result: await describe(wanted.repository, image, registry, operation) };
    },
  };
}

function readWanted(reader: InputReader, deps: ImageDeps): Wanted | undefined {
  reader.refuseOthers(getImageInputs);
  const repository = reader.parse("repositoryUrl", reader.string("repositoryUrl"), parseRepository);
  if (repository === undefined && reader.failures.length === 0)
    reader.fail("repositoryUrl", "is missing; pass the URL of an ECR repository");
  const references = [
    reader.parse("tag", reader.string("tag"), (tag): ImageReference => ({ tag: parseTag(tag) })),
    reader.parse("digest", reader.string("digest"), (digest): ImageReference => ({ digest: parseDigest(digest) })),
    reader.parse("contentHash", reader.string("contentHash"), (hash): ImageReference => ({ tag: contentTag(parseContentHash(hash)) })),
  ].filter((reference): reference is Maybe<ImageReference> => reference !== undefined);
  const waitSeconds = reader.number("waitSeconds") ?? 0;
  if (waitSeconds !== unknown && !(waitSeconds >= 0 && waitSeconds <= longestWaitSeconds)) {
    reader.fail("waitSeconds", `${waitSeconds} is not from 0 to ${longestWaitSeconds}`);
  }
  const [reference] = references;
  if (references.length !== 1 && reader.failures.length === 0)
    reader.fail("tag", "name the image by exactly one of tag, digest and contentHash");
  if (repository === undefined || repository === unknown || reference === undefined || reference === unknown || waitSeconds === unknown)
    return undefined;
  if (repository.ecr === undefined && !deps.customEndpoint)
    reader.fail("repositoryUrl", `"${repository.registry}" is not an Amazon ECR host`);
  return { repository, reference, waitSeconds };
}

function parseContentHash(text: string): string {
  if (contentHashForm.test(text)) return text;
  throw new CloudBuildError("input-invalid", `"${text}" is not a content hash; expected 64 lowercase hexadecimal characters`);
}

async function waitFor(
  { repository, reference, waitSeconds }: Wanted,
  registry: ImageRegistry,
  { clock }: ImageDeps,
  { signal, reporter }: Operation,
): Promise<FoundImage> {
  const until = clock.now() + waitSeconds * 1000;
  for (;;) {
    const image = await registry.find(repository, reference, signal);
    if (image !== undefined) return image;
    const left = until - clock.now();
    if (left <= 0) {
      await refuseArchived(repository, reference, registry, signal);
      throw missing(repository, reference, waitSeconds);
    }
    reporter.status(`waiting for ${formatReference(repository, reference)} (${Math.ceil(left / 1000)} s left)`);
    await clock.sleep(Math.min(pauseMs, left), signal);
  }
}

async function describe(repository: Repository, image: FoundImage, registry: ImageRegistry, { signal }: Operation): Promise<PropertyMap> {
  const [described, platforms] = await Promise.all([
    registry.describe(repository, { digest: image.digest }, signal),
    registry.platformsOf(repository, image, signal),
  ]);
  const tags = (described?.tags ?? []).toSorted();
  const content = tags.find(isContentTag);
  return {
    repositoryUrl: repository.url,
    digest: image.digest satisfies Digest,
    imageUri: `${repository.url}@${image.digest}`,
    mediaType: image.mediaType,
    platforms: platforms.map(formatPlatform),
    platformDigests: platformDigests(image, platforms),
    tags: tags.filter((tag) => !isReservedTag(tag)),
    ...(content === undefined ? {} : { contentTag: content }),
  };
}

function missing(repository: Repository, reference: ImageReference, waitSeconds: number): CloudBuildError {
  const waited = waitSeconds > 0 ? ` after ${waitSeconds} s` : "";
  return new CloudBuildError("image-missing", `"${formatReference(repository, reference)}" does not exist${waited}`, {
    hint: "push or build it first, or wait for it with `waitSeconds`",
  });
}
