import assert from "node:assert/strict";
import sinon from "sinon";
import type { BatchGetImageResponse, ImageDetail } from "@aws-sdk/client-ecr";
import { hasCode } from "../../../provider/src/errors/cloudbuild-error.ts";
import { digestOf } from "../../../provider/src/image/digest.ts";
import { parseRepository } from "../../../provider/src/image/repository.ts";
import type { EcrApi } from "../../../provider/src/registry/ecr-api.ts";
import { createEcrRegistry } from "../../../provider/src/registry/ecr.ts";
import { systemClock } from "../../../provider/src/support/clock.ts";
import { recordedOperation } from "../../support/operation.ts";

const repository = parseRepository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app");
const { signal } = new AbortController();
const unscripted = () => assert.fail("an unscripted call");

function registryThat(answer: BatchGetImageResponse) {
  const batchGetImage = sinon.stub<Parameters<EcrApi["batchGetImage"]>, ReturnType<EcrApi["batchGetImage"]>>().resolves(answer);
  const api: EcrApi = {
    batchGetImage,
    describeImages: unscripted,
    putImage: unscripted,
    batchDeleteImage: unscripted,
    blob: unscripted,
  };
  return { registry: createEcrRegistry({ api, clock: systemClock }), batchGetImage };
}

describe("what ECR says of single images", () => {
  it("is an error of the one that has it, and none of the others in the same call", async () => {
    const manifest = "{}";
    const { registry, batchGetImage } = registryThat({
      images: [{ imageId: { imageTag: "there", imageDigest: digestOf(manifest) }, imageManifest: manifest }],
      failures: [
        { imageId: { imageTag: "gone" }, failureCode: "ImageNotFound", failureReason: "Requested image not found" },
        { imageId: { imageTag: "hidden" }, failureCode: "ImageInaccessible", failureReason: "Requested image is archived" },
        { imageId: { imageTag: "locked" }, failureCode: "KmsError", failureReason: "the key is disabled" },
      ],
    });
    const [there, gone, hidden, locked] = await Promise.allSettled(
      ["there", "gone", "hidden", "locked"].map((tag) => registry.find(repository, { tag }, signal)),
    );
    assert.equal(batchGetImage.callCount, 1);
    assert.equal(there?.status === "fulfilled" && there.value?.digest, digestOf(manifest));
    for (const absent of [gone, hidden]) assert.deepEqual(absent, { status: "fulfilled", value: undefined });
    assert.ok(locked?.status === "rejected" && hasCode(locked.reason, "cloud-unavailable"));
    assert.match(locked.reason.message, /locked: KmsError: the key is disabled/);
  });

  it("is an error when it was to be removed and stays for a reason of its own; what an index lists is answered", async () => {
    const digest = digestOf("{}");
    const failure = (failureCode: "KmsError" | "ImageReferencedByManifestList" | "ImageNotFound") => ({
      imageId: { imageDigest: digest },
      failureCode,
      failureReason: "why",
    });
    const removing = (...failures: ReturnType<typeof failure>[]) => {
      const api: EcrApi = {
        batchGetImage: unscripted,
        describeImages: unscripted,
        putImage: unscripted,
        batchDeleteImage: async () => ({ failures }),
        blob: unscripted,
      };
      return createEcrRegistry({ api, clock: systemClock }).remove(repository, [{ digest }], signal);
    };
    assert.deepEqual(await removing(failure("ImageNotFound")), []);
    assert.deepEqual(await removing(failure("ImageReferencedByManifestList")), [{ digest }]);
    await assert.rejects(
      removing(failure("KmsError")),
      (error) => hasCode(error, "image-unconfirmed") && error.message.includes("KmsError: why"),
    );
  });

  it("is looked up where a listing is denied, ends before it, or shows that it is archived", async () => {
    const [manifest, urn] = ["{}", "urn:pulumi:test::test::cloudbuild:index:CloudBuildImage::"];
    const there = { imageDigest: digestOf(manifest), imageManifestMediaType: "application/vnd.oci.image.manifest.v1+json" };
    const locating = async (describeImages: EcrApi["describeImages"]) => {
      const batchGetImage: EcrApi["batchGetImage"] = async ({ imageIds = [] }) => ({
        images: imageIds.map((imageId) => ({ imageId: { ...imageId, imageDigest: digestOf(manifest) }, imageManifest: manifest })),
      });
      const lookUps = sinon.spy(batchGetImage);
      const api: EcrApi = {
        batchGetImage: lookUps,
        describeImages,
        putImage: unscripted,
        batchDeleteImage: unscripted,
        blob: unscripted,
      };
      const registry = createEcrRegistry({ api, clock: systemClock });
      for (const name of ["a", "b", "c", "d"]) assert.ok(await registry.locate(repository, { tag: name }, recordedOperation(urn + name)));
      // The fifth to ask has the repository listed.
      const last = await registry.locate(repository, { tag: "e" }, recordedOperation(`${urn}e`));
      return { lookUps: lookUps.callCount, last: last?.digest };
    };
    const denied = Object.assign(new Error("no"), { name: "AccessDeniedException" });
    assert.deepEqual(await locating(() => Promise.reject(denied)), { lookUps: 5, last: there.imageDigest });
    const page = { imageDetails: [{ ...there, imageTags: ["b"] }] };
    assert.deepEqual(await locating(async () => ({ ...page, nextToken: "more" })), { lookUps: 5, last: there.imageDigest });
    assert.deepEqual(await locating(async () => page), { lookUps: 4, last: undefined });
    const archived: ImageDetail = { ...there, imageDigest: digestOf("old"), imageTags: ["e"], imageStatus: "ARCHIVED" };
    assert.deepEqual(await locating(async () => ({ imageDetails: [...page.imageDetails, archived] })), { lookUps: 4, last: undefined });
  });
});
