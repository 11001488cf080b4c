import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { digestOf } from "../image/digest.ts";
import { formatPlatform, type Platform } from "../image/platform.ts";
import { manifestMediaTypes, type FoundImage } from "./image-registry.ts";

export interface IndexChild {
  readonly platform: Platform;
  readonly image: FoundImage;
}

const ociIndex = "application/vnd.oci.image.index.v1+json";
const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
const dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";

/**
 * The index over one image for each platform, by the OCI image specification, ready to be put. The same children make the same bytes,
 * whatever their order. Docker's own list is made only where every child is in Docker's own format: then who can read the children can read
 * the list, and an OCI index may list both. A child that is an index itself is "image-unconfirmed": clients do not look into those.
 */
export function imageIndex(children: readonly IndexChild[]): FoundImage {
  const sorted = children.toSorted((a, b) => (formatPlatform(a.platform) < formatPlatform(b.platform) ? -1 : 1));
  const mediaType = children.every(({ image }) => image.mediaType === dockerManifest) ? dockerManifestList : ociIndex;
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, manifests: sorted.map(descriptorOf) });
  return { digest: digestOf(manifest), mediaType, manifest };
}

function descriptorOf({ platform, image }: IndexChild): object {
  const { mediaType, digest, manifest } = image;
  if (!manifestMediaTypes.has(mediaType)) {
    throw new CloudBuildError(
      "image-unconfirmed",
      `the image "${digest}" for ${formatPlatform(platform)} has media type "${mediaType}", which cannot be part of an index`,
      { hint: "push one image for each platform, without attestations (`--provenance false --sbom false`)" },
    );
  }
  const { architecture, os, variant } = platform;
  return {
    mediaType,
    digest,
    size: Buffer.byteLength(manifest),
    platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
  };
}
