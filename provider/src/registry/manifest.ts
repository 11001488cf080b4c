import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { isDigest, type Digest } from "../image/digest.ts";
import type { Platform } from "../image/platform.ts";
import type { FoundImage } from "./image-registry.ts";

interface OciPlatform {
  readonly os?: unknown;
  readonly architecture?: unknown;
  readonly variant?: unknown;
}

/** The platforms an index lists. Attestations are listed as `unknown/unknown` and are no platform. */
export function parseIndexPlatforms({ manifest, digest }: FoundImage): readonly Platform[] {
  const { manifests = [] } = JSON.parse(manifest) as { manifests?: { platform?: OciPlatform }[] };
  return manifests.flatMap(({ platform }) => (platform?.os === "unknown" ? [] : [platformOf(platform, digest)]));
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
