import assert from "node:assert/strict";
import { hasCode } from "../../../provider/src/errors/cloudbuild-error.ts";
import { digestOf } from "../../../provider/src/image/digest.ts";
import { parsePlatform } from "../../../provider/src/image/platform.ts";
import { imageIndex, type IndexChild } from "../../../provider/src/registry/image-index.ts";
import { platformDigests } from "../../../provider/src/registry/manifest.ts";

const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

function child(platform: string, mediaType = ociManifest): IndexChild {
  const manifest = `{"é":"${platform}"}`;
  return { platform: parsePlatform(platform), image: { digest: digestOf(manifest), mediaType, manifest } };
}

describe("imageIndex", () => {
  it("is an OCI index sorted by platform, with the digest of its bytes", () => {
    const index = imageIndex([child("linux/arm/v7"), child("linux/amd64")]);
    assert.equal(index.digest, digestOf(index.manifest));
    assert.equal(index.mediaType, "application/vnd.oci.image.index.v1+json");
    assert.deepEqual(JSON.parse(index.manifest), {
      schemaVersion: 2,
      mediaType: index.mediaType,
      manifests: [
        {
          mediaType: ociManifest,
          digest: child("linux/amd64").image.digest,
          size: 20,
          platform: { architecture: "amd64", os: "linux" },
        },
        {
          mediaType: ociManifest,
          digest: child("linux/arm/v7").image.digest,
          size: 21,
          platform: { architecture: "arm", os: "linux", variant: "v7" },
        },
      ],
    });
  });

  it("has the same bytes whatever the order of its children", () => {
    const children = [child("linux/amd64"), child("linux/arm64"), child("linux/arm/v7")];
    assert.deepEqual(imageIndex(children), imageIndex(children.toReversed()));
  });

  it("is Docker's list only where every child is in Docker's format", () => {
    const [docker, oci] = [child("linux/amd64", dockerManifest), child("linux/arm64")];
    const list = imageIndex([docker, child("linux/arm64", dockerManifest)]);
    assert.equal(list.mediaType, "application/vnd.docker.distribution.manifest.list.v2+json");
    const mixed = imageIndex([docker, oci]);
    assert.equal(mixed.mediaType, "application/vnd.oci.image.index.v1+json");
    const { manifests } = JSON.parse(mixed.manifest) as { manifests: { mediaType: string }[] };
    assert.deepEqual(
      manifests.map(({ mediaType }) => mediaType),
      [dockerManifest, ociManifest],
    );
  });

  it("lists no index", () => {
    const nested = child("linux/amd64", "application/vnd.oci.image.index.v1+json");
    assert.throws(
      () => imageIndex([nested]),
      (error) => hasCode(error, "image-unconfirmed") && error.message.includes("linux/amd64"),
    );
  });
});

describe("platformDigests", () => {
  it("are the index's own entries, without attestations; else the image under its own platform", () => {
    const [amd64, arm64] = [child("linux/amd64"), child("linux/arm64/v8")];
    const index = imageIndex([amd64, arm64]);
    const content = JSON.parse(index.manifest) as { manifests: object[] };
    content.manifests.push({ digest: digestOf("attestation"), platform: { os: "unknown", architecture: "unknown" } });
    const expected = { "linux/amd64": amd64.image.digest, "linux/arm64/v8": arm64.image.digest };
    assert.deepEqual(platformDigests({ ...index, manifest: JSON.stringify(content) }, []), expected);
    assert.deepEqual(platformDigests(arm64.image, [arm64.platform]), { "linux/arm64/v8": arm64.image.digest });
  });
});
