import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { isDigest, parseDigest, type Digest } from "../image/digest.ts";
import { formatPlatform, type Platform } from "../image/platform.ts";
import { indexMediaTypes, type FoundImage } from "./image-registry.ts";

interface OciPlatform {
  readonly os?: unknown;
  readonly architecture?: unknown;
  readonly variant?: unknown;
}

interface IndexEntry {
  readonly platform: Platform;
  readonly digest: Digest;
}

/** The images an index lists. Attestations are listed as `unknown/unknown` and are no image. */
export function parseIndex({ manifest, digest }: FoundImage): readonly IndexEntry[] {
  const { manifests = [] } = JSON.parse(manifest) as { manifests?: { digest?: string; platform?: OciPlatform }[] };
  return manifests
    .filter(({ platform }) => platform?.os !== "unknown")
    .map((entry) => ({ platform: platformOf(entry.platform, digest), digest: parseDigest(entry.digest ?? "") }));
}

/** Platform → digest, such as `linux/arm64` → `sha256:…`. */
export type PlatformDigests = Readonly<Record<string, Digest>>;

/**
 * What an index says of its children, else the image itself under its own platform.
 *
 * @param platforms those of the image; an index names its own
 */
export function platformDigests(image: FoundImage, platforms: readonly Platform[]): PlatformDigests {
  if (!indexMediaTypes.has(image.mediaType)) return sameForAll(platforms, image.digest);
  return Object.fromEntries(parseIndex(image).map(({ platform, digest }) => [formatPlatform(platform), digest]));
}

/** What a single image is for its platforms. */
export function sameForAll(platforms: readonly Platform[], digest: Digest): PlatformDigests {
  return Object.fromEntries(platforms.map((platform) => [formatPlatform(platform), digest]));
}

/** The digest of the configuration blob, where a single image says its platform. */
export function configDigestOf({ manifest, digest }: FoundImage): Digest {
  const config = (JSON.parse(manifest) as { config?: { digest?: unknown } }).config?.digest;
  if (typeof config === "string" && isDigest(config)) return config;
  throw new CloudBuildError("image-unconfirmed", `the manifest "${digest}" names no configuration`);
}

export function parsePlatformOfConfig(config: string, digest: Digest): Platform {
  return platformOf(JSON.parse(config) as OciPlatform, digest);
}

function platformOf(platform: OciPlatform | undefined, digest: Digest): Platform {
  const { os, architecture, variant } = platform ?? {};
  if (typeof os !== "string" || typeof architecture !== "string") {
    throw new CloudBuildError("image-unconfirmed", `the image "${digest}" does not say its platform`);
  }
  return typeof variant === "string" && variant !== "" ? { os, architecture, variant } : { os, architecture };
}
