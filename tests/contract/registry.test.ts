import assert from "node:assert/strict";
import { createEcrApi } from "../../provider/src/registry/ecr-api.ts";
import { createEcrRegistry } from "../../provider/src/registry/ecr.ts";
import { confirmImage } from "../../provider/src/registry/confirm-image.ts";
import type { FoundImage, ImageReference, ImageRegistry } from "../../provider/src/registry/image-registry.ts";
import { imageIndex } from "../../provider/src/registry/image-index.ts";
import { platformDigests } from "../../provider/src/registry/manifest.ts";
import { refuseArchived } from "../../provider/src/registry/refuse-archived.ts";
import { removeImage } from "../../provider/src/registry/remove-image.ts";
import { retagImage } from "../../provider/src/registry/retag-image.ts";
import { hasCode } from "../../provider/src/errors/cloudbuild-error.ts";
import { digestOf, parseDigest, type Digest } from "../../provider/src/image/digest.ts";
import { formatPlatform, parsePlatform, type Platform } from "../../provider/src/image/platform.ts";
import { parseRepository, type Repository } from "../../provider/src/image/repository.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { run } from "../support/cloud-process.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { memoryRegistry } from "../support/memory-registry.ts";
import { recordedOperation } from "../support/operation.ts";

interface Subject {
  readonly registry: ImageRegistry;
  readonly repository: Repository;
  /** Pushes an image whose content this text decides, for linux/amd64 unless told otherwise. */
  push(content: string, tags: readonly string[], platform?: Platform): Promise<Digest>;
  /** Pushes an index over these images. */
  pushIndex(children: readonly Digest[], tag: string): Promise<Digest>;
  makeImmutable(): Promise<void>;
  archive(digest: Digest): Promise<void>;
  restore(digest: Digest): Promise<void>;
  close(): Promise<void>;
}

const { signal } = new AbortController();
const [amd64, arm64] = [parsePlatform("linux/amd64"), parsePlatform("linux/arm64")];
const imageMediaType = "application/vnd.oci.image.manifest.v1+json";

async function inMemory(): Promise<Subject> {
  const repository = parseRepository("127.0.0.1:1/app");
  const registry = memoryRegistry(["app"]);
  return {
    registry,
    repository,
    push: async (content, tags, platform = amd64) =>
      registry.push(repository, JSON.stringify({ content, platform }), imageMediaType, [platform], tags).digest,
    pushIndex: async (children, tag) => {
      const manifest = JSON.stringify({ manifests: children.map((digest) => ({ digest, platform: amd64 })) });
      return registry.push(repository, manifest, "application/vnd.oci.image.index.v1+json", [amd64], [tag]).digest;
    },
    makeImmutable: async () => registry.makeImmutable(repository),
    archive: async (digest) => registry.setStatus(repository, digest, "archived"),
    restore: async (digest) => registry.setStatus(repository, digest, "active"),
    close: async () => undefined,
  };
}

/** ECR through the SDK, on the local cloud; images are pushed by crane. */
async function onTheLocalCloud(): Promise<Subject> {
  const world: LocalWorld = await startWorld();
  const { env } = world;
  const credentials = async () => ({ accessKeyId: "x", secretAccessKey: "y" });
  const config = { region: world.region, endpoint: world.endpoint, credentials };
  const setStorageClass = (digest: Digest, target: string): void => {
    const image = ["--repository-name", "app", "--image-id", `imageDigest=${digest}`];
    run("aws", ["ecr", "update-image-storage-class", ...image, "--target-storage-class", target], env);
  };
  return {
    registry: createEcrRegistry({ api: createEcrApi(config), clock: systemClock }),
    repository: parseRepository(world.repositoryUrl),
    async push(content, tags, platform = amd64) {
      const reference = `${world.repositoryUrl}:${tags[0] ?? "untagged"}`;
      const flags = ["--label", `content=${content}`, "--set-platform", formatPlatform(platform)];
      world.crane("mutate", world.base, ...flags, "-t", reference);
      for (const tag of tags.slice(1)) world.crane("tag", reference, tag);
      return parseDigest(world.crane("digest", reference).trim());
    },
    pushIndex: async (children, tag) => {
      const reference = `${world.repositoryUrl}:${tag}`;
      const flags = children.flatMap((digest) => ["--manifest", `${world.repositoryUrl}@${digest}`]);
      world.crane("index", "append", ...flags, "--tag", reference);
      return parseDigest(world.crane("digest", reference).trim());
    },
    makeImmutable: async () =>
      void run("aws", ["ecr", "put-image-tag-mutability", "--repository-name", "app", "--image-tag-mutability", "IMMUTABLE"], env),
    archive: async (digest) => setStorageClass(digest, "ARCHIVE"),
    restore: async (digest) => setStorageClass(digest, "STANDARD"),
    close: async () => void (await world.stop()),
  };
}

for (const [name, open] of Object.entries({ "in memory": inMemory, "ECR on the local cloud": onTheLocalCloud })) {
  describe(`the registry contract: ${name}`, () => {
    let subject: Subject;
    let registry: ImageRegistry;
    let repository: Repository;
    before(async () => {
      subject = await open();
      ({ registry, repository } = subject);
    });
    after(() => subject.close());

    async function found(reference: { tag: string } | { digest: Digest }): Promise<FoundImage> {
      const image = await registry.find(repository, reference, signal);
      assert.ok(image);
      return image;
    }

    it("finds by tag and by digest, with the manifest's very bytes", async () => {
      const digest = await subject.push("find", ["find-1"]);
      const image = await found({ tag: "find-1" });
      assert.equal(image.digest, digest);
      assert.equal(digestOf(image.manifest), digest);
      assert.equal(image.mediaType, imageMediaType);
      assert.deepEqual(await registry.find(repository, { digest }, signal), image);
      assert.deepEqual(await registry.platformsOf(repository, image, signal), [amd64]);
    });

    it("says undefined for what is not there", async () => {
      assert.equal(await registry.find(repository, { tag: "nowhere" }, signal), undefined);
      assert.equal(await registry.find(repository, { digest: digestOf("nothing") }, signal), undefined);
      assert.equal(await registry.describe(repository, { digest: digestOf("nothing") }, signal), undefined);
    });

    it("says that a repository is missing, whatever is asked", async () => {
      const elsewhere = parseRepository(`${repository.registry}/nowhere`);
      const missing = (error: unknown) => hasCode(error, "repository-missing") && error.message.includes("nowhere");
      await assert.rejects(registry.find(elsewhere, { tag: "x" }, signal), missing);
      await assert.rejects(registry.describe(elsewhere, { digest: digestOf("x") }, signal), missing);
      await assert.rejects(registry.remove(elsewhere, [{ tag: "x" }], signal), missing);
    });

    it("looks many references up at once", async () => {
      const digest = await subject.push("many", ["many-7"]);
      const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => registry.find(repository, { tag: `many-${i}` }, signal)));
      assert.deepEqual(
        answers.map((image) => image?.digest).filter((one) => one !== undefined),
        [digest],
      );
    });

    it("locates the images of many resources that ask one after the other, and what is there now for who asks again", async () => {
      const digest = await subject.push("located", ["located-2", "moving-2"]);
      const locate = (reference: ImageReference, resource: string) =>
        registry.locate(repository, reference, recordedOperation(`urn:pulumi:test::test::cloudbuild:index:CloudBuildImage::${resource}`));
      const there = { digest, mediaType: imageMediaType };
      const names = ["first", "second", "third"];
      for (const name of names) {
        const { digest: byDigest, mediaType } = (await locate({ digest }, name)) ?? {};
        assert.deepEqual({ digest: byDigest, mediaType }, there);
        for (const tag of ["located-2", "moving-2"]) assert.equal((await locate({ tag }, name))?.digest, digest);
        assert.equal(await locate({ tag: "nowhere" }, name), undefined);
      }
      const other = await subject.push("located-other", ["moving-2"]);
      assert.equal((await locate({ tag: "moving-2" }, "first"))?.digest, other);
      await registry.put(repository, await found({ digest }), "moving-2", signal);
      assert.equal((await locate({ tag: "moving-2" }, "second"))?.digest, digest);
      await subject.archive(digest);
      for (const name of names) assert.equal(await locate({ digest }, name), undefined, "cannot be pulled");
      await subject.restore(digest);
    });

    it("puts a tag on an image, moves it, and finds doing it again no error", async () => {
      const one = await subject.push("put-one", ["put-one"]);
      const two = await subject.push("put-two", ["put-two"]);
      await registry.put(repository, await found({ digest: one }), "moving", signal);
      await registry.put(repository, await found({ digest: one }), "moving", signal);
      assert.equal((await found({ tag: "moving" })).digest, one);
      await registry.put(repository, await found({ digest: two }), "moving", signal);
      assert.equal((await found({ tag: "moving" })).digest, two);
      assert.deepEqual((await registry.describe(repository, { digest: two }, signal))?.tags.toSorted(), ["moving", "put-two"]);
      assert.deepEqual((await registry.describe(repository, { digest: one }, signal))?.tags, ["put-one"]);
    });

    it("retags only what is not on it already", async () => {
      const digest = await subject.push("retag", ["retag-a"]);
      const put: string[] = [];
      const watched: ImageRegistry = { ...registry, put: (at, image, tag, abort) => (put.push(tag), registry.put(at, image, tag, abort)) };
      await retagImage(repository, await found({ digest }), ["retag-a", "retag-b"], watched, recordedOperation());
      assert.deepEqual(put, ["retag-b"]);
    });

    it("removes a tag, and with the last one the image; removing again is no error", async () => {
      const digest = await subject.push("remove", ["remove-a", "remove-b"]);
      await registry.remove(repository, [{ tag: "remove-a" }], signal);
      assert.deepEqual((await registry.describe(repository, { digest }, signal))?.tags, ["remove-b"]);
      await registry.remove(repository, [{ tag: "remove-b" }, { tag: "remove-a" }], signal);
      assert.equal(await registry.find(repository, { digest }, signal), undefined);
      await registry.remove(repository, [{ digest }], signal);
    });

    it("removes what a resource owns, and never an image that another tag is on", async () => {
      const shared = await subject.push("shared", ["mine-1", "theirs-1"]);
      await removeImage({ repository, digest: shared, tags: ["mine-1"], childTags: [] }, registry, recordedOperation());
      assert.deepEqual((await registry.describe(repository, { digest: shared }, signal))?.tags, ["theirs-1"]);
      const owned = await subject.push("owned", ["mine-2", "mine-3"]);
      await removeImage({ repository, digest: owned, tags: ["mine-2", "mine-3", "gone"], childTags: [] }, registry, recordedOperation());
      assert.equal(await registry.find(repository, { digest: owned }, signal), undefined);
      await removeImage({ repository, digest: owned, tags: ["mine-2"], childTags: [] }, registry, recordedOperation());
    });

    it("knows the platforms of an index, and does not take a child away from under it", async () => {
      const child = await subject.push("child", ["child"]);
      const index = await subject.pushIndex([child], "index");
      assert.deepEqual(await registry.platformsOf(repository, await found({ tag: "index" }), signal), [amd64]);
      assert.deepEqual(await registry.remove(repository, [{ digest: child }, { tag: "child" }], signal), [
        { digest: child },
        { tag: "child" },
      ]);
      assert.equal((await found({ tag: "child" })).digest, child);
      await registry.remove(repository, [{ digest: index }], signal);
      await registry.remove(repository, [{ digest: child }], signal);
      assert.equal(await registry.find(repository, { digest: child }, signal), undefined);
    });

    /** Two images under child tags, and the index over them under a content tag, as the provider makes them. */
    async function pushPlatforms(name: string): Promise<{ index: FoundImage; children: readonly Digest[]; childTags: readonly string[] }> {
      const childTags = [`${name}-linux-amd64`, `${name}-linux-arm64`];
      const children = await Promise.all([subject.push(name, childTags.slice(0, 1), amd64), subject.push(name, childTags.slice(1), arm64)]);
      const images = await Promise.all(children.map((digest) => found({ digest })));
      const index = imageIndex([amd64, arm64].flatMap((platform, i) => (images[i] === undefined ? [] : [{ platform, image: images[i] }])));
      await registry.put(repository, index, name, signal);
      return { index, children, childTags };
    }

    it("puts an index over images that are there, and confirms it", async () => {
      const { index, children } = await pushPlatforms("assembled");
      const expected = { repository, digest: index.digest, tags: ["assembled"], platforms: [arm64, amd64] };
      const confirmed = await confirmImage(expected, registry, systemClock, recordedOperation());
      assert.deepEqual(confirmed, index, "byte for byte");
      assert.deepEqual(platformDigests(confirmed, []), { "linux/amd64": children[0], "linux/arm64": children[1] });
      await registry.put(repository, index, "assembled", signal);
      await retagImage(repository, confirmed, ["assembled-v1"], registry, recordedOperation());
      assert.equal((await found({ tag: "assembled-v1" })).digest, index.digest);
    });

    it("does not put an index that lists an image which is not there", async () => {
      const digest = await subject.push("listed", ["listed"]);
      const index = imageIndex([{ platform: amd64, image: await found({ digest }) }]);
      await registry.remove(repository, [{ digest }], signal);
      await assert.rejects(
        registry.put(repository, index, "listing", signal),
        (error) => hasCode(error, "image-unconfirmed") && error.message.includes(":listing"),
      );
      assert.equal(await registry.find(repository, { tag: "listing" }, signal), undefined);
    });

    it("removes an index, then the children that only its child tags are on", async () => {
      const { index, children, childTags } = await pushPlatforms("owned-index");
      const [amd = digestOf(""), arm = digestOf("")] = children;
      await registry.put(repository, await found({ digest: arm }), "theirs-arm", signal);
      const owned = { repository, digest: index.digest, tags: ["owned-index"], childTags };
      await removeImage(owned, registry, recordedOperation());
      assert.equal(await registry.find(repository, { digest: index.digest }, signal), undefined);
      assert.equal(await registry.find(repository, { digest: amd }, signal), undefined);
      assert.deepEqual((await registry.describe(repository, { digest: arm }, signal))?.tags, ["theirs-arm"]);
      await removeImage(owned, registry, recordedOperation());
    });

    it("leaves the children of an index that somebody else's tag is on, and a child that another index lists", async () => {
      const { index, children, childTags } = await pushPlatforms("shared-index");
      await registry.put(repository, index, "theirs-index", signal);
      const owned = { repository, digest: index.digest, tags: ["shared-index"], childTags };
      await removeImage(owned, registry, recordedOperation());
      assert.deepEqual((await registry.describe(repository, { digest: index.digest }, signal))?.tags, ["theirs-index"]);
      for (const digest of children) assert.ok(await registry.find(repository, { digest }, signal));

      await subject.pushIndex(children.slice(0, 1), "another-index");
      const operation = recordedOperation();
      await removeImage({ ...owned, tags: ["shared-index", "theirs-index"] }, registry, operation);
      const left = await Promise.all(children.map((digest) => registry.find(repository, { digest }, signal)));
      assert.deepEqual(
        left.map((image) => image !== undefined),
        [true, false],
      );
      assert.ok(operation.said.some(({ text }) => text.includes(`@${children[0]}", which an image index lists`)));
    });

    it("does not hand out an archived image, and does not say that it is gone", async () => {
      const digest = await subject.push("archived", ["archived"]);
      await subject.archive(digest);
      for (const reference of [{ digest }, { tag: "archived" }]) {
        assert.equal(await registry.find(repository, reference, signal), undefined);
        const described = await registry.describe(repository, reference, signal);
        assert.deepEqual(described, { digest, mediaType: imageMediaType, tags: ["archived"], status: "archived" });
        await assert.rejects(
          refuseArchived(repository, reference, registry, signal),
          (error) => hasCode(error, "image-archived") && error.hint.includes(`--repository-name app --image-id imageDigest=${digest}`),
        );
      }
      await subject.restore(digest);
      assert.equal((await found({ tag: "archived" })).digest, digest);
      assert.equal((await refuseArchived(repository, { digest }, registry, signal))?.status, "active");

      await subject.archive(digest);
      assert.equal(await subject.push("archived", ["archived"]), digest);
      assert.equal((await found({ digest })).digest, digest, "pushing it again restores it");

      await subject.archive(digest);
      await removeImage({ repository, digest, tags: ["archived"], childTags: [] }, registry, recordedOperation());
      assert.equal(await refuseArchived(repository, { digest }, registry, signal), undefined);
    });

    it("confirms what is there, and says what is wrong with what is not as expected", async () => {
      const digest = await subject.push("confirm", ["confirmed"]);
      const expected = { repository, digest, tags: ["confirmed"], platforms: [amd64] };
      assert.equal((await confirmImage(expected, registry, systemClock, recordedOperation())).digest, digest);
      const wrong = (text: string) => (error: unknown) => hasCode(error, "image-unconfirmed") && error.message.includes(text);
      const arm = { ...expected, platforms: [parsePlatform("linux/arm64")] };
      await assert.rejects(confirmImage(arm, registry, systemClock, recordedOperation()), wrong("is for linux/amd64, not for linux/arm64"));
      await subject.push("another", ["confirmed"]);
      await assert.rejects(confirmImage(expected, registry, systemClock, recordedOperation()), wrong('that tag is on "sha256:'));
    });

    it("waits for a tag that becomes visible late", async () => {
      const digest = await subject.push("late", ["early"]);
      const expected = { repository, digest, tags: ["late"], platforms: [] };
      const confirmed = confirmImage(expected, registry, systemClock, recordedOperation());
      await registry.put(repository, await found({ digest }), "late", signal);
      assert.equal((await confirmed).digest, digest);
    });

    it("does not move a tag that is immutable, and says so", async () => {
      const digest = await subject.push("fixed-one", ["fixed-one"]);
      const other = await subject.push("fixed-two", ["fixed-two"]);
      await subject.makeImmutable();
      const fixed = await found({ digest });
      await registry.put(repository, fixed, "fixed-one", signal);
      await registry.put(repository, fixed, "fixed-new", signal);
      await assert.rejects(
        registry.put(repository, await found({ digest: other }), "fixed-one", signal),
        (error) => hasCode(error, "tag-immutable") && error.property === "tags",
      );
    });
  });
}
