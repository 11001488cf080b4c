import assert from "node:assert/strict";
import { createEcrApi } from "../../provider/src/registry/ecr-api.ts";
import { createEcrRegistry } from "../../provider/src/registry/ecr.ts";
import { confirmImage } from "../../provider/src/registry/confirm-image.ts";
import type { FoundImage, ImageRegistry } from "../../provider/src/registry/image-registry.ts";
import { removeImage } from "../../provider/src/registry/remove-image.ts";
import { retagImage } from "../../provider/src/registry/retag-image.ts";
import { hasCode } from "../../provider/src/errors/cloudbuild-error.ts";
import { digestOf, parseDigest, type Digest } from "../../provider/src/image/digest.ts";
import { parsePlatform } from "../../provider/src/image/platform.ts";
import { parseRepository, type Repository } from "../../provider/src/image/repository.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { run } from "../support/cloud-process.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { memoryRegistry } from "../support/memory-registry.ts";
import { recordedOperation } from "../support/operation.ts";

interface Subject {
  readonly registry: ImageRegistry;
  readonly repository: Repository;
  /** Pushes an image of linux/amd64 whose content this text decides. */
  push(content: string, tags: readonly string[]): Promise<Digest>;
  /** Pushes an index over these images. */
  pushIndex(children: readonly Digest[], tag: string): Promise<Digest>;
  makeImmutable(): Promise<void>;
  close(): Promise<void>;
}

const { signal } = new AbortController();
const amd64 = parsePlatform("linux/amd64");
const imageMediaType = "application/vnd.oci.image.manifest.v1+json";

async function inMemory(): Promise<Subject> {
  const repository = parseRepository("127.0.0.1:1/app");
  const registry = memoryRegistry(["app"]);
  return {
    registry,
    repository,
    push: async (content, tags) => registry.push(repository, JSON.stringify({ content }), imageMediaType, [amd64], tags).digest,
    pushIndex: async (children, tag) => {
      const manifest = JSON.stringify({ manifests: children.map((digest) => ({ digest })) });
      return registry.push(repository, manifest, "application/vnd.oci.image.index.v1+json", [amd64], [tag]).digest;
    },
    makeImmutable: async () => registry.makeImmutable(repository),
    close: async () => undefined,
  };
}

/** ECR through the SDK, on the local cloud; images are pushed by crane. */
async function onTheLocalCloud(): Promise<Subject> {
  const world: LocalWorld = await startWorld();
  const { env } = world;
  const credentials = async () => ({ accessKeyId: "x", secretAccessKey: "y" });
  const config = { region: world.region, endpoint: world.endpoint, credentials };
  return {
    registry: createEcrRegistry({ api: createEcrApi(config), clock: systemClock }),
    repository: parseRepository(world.repositoryUrl),
    async push(content, tags) {
      const reference = `${world.repositoryUrl}:${tags[0] ?? "untagged"}`;
      world.crane("mutate", world.base, "--label", `content=${content}`, "-t", reference);
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
      assert.equal(await registry.describe(repository, digestOf("nothing"), signal), undefined);
    });

    it("says that a repository is missing, whatever is asked", async () => {
      const elsewhere = parseRepository(`${repository.registry}/nowhere`);
      const missing = (error: unknown) => hasCode(error, "repository-missing") && error.message.includes("nowhere");
      await assert.rejects(registry.find(elsewhere, { tag: "x" }, signal), missing);
      await assert.rejects(registry.describe(elsewhere, digestOf("x"), signal), missing);
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

    it("puts a tag on an image, moves it, and finds doing it again no error", async () => {
      const one = await subject.push("put-one", ["put-one"]);
      const two = await subject.push("put-two", ["put-two"]);
      await registry.put(repository, await found({ digest: one }), "moving", signal);
      await registry.put(repository, await found({ digest: one }), "moving", signal);
      assert.equal((await found({ tag: "moving" })).digest, one);
      await registry.put(repository, await found({ digest: two }), "moving", signal);
      assert.equal((await found({ tag: "moving" })).digest, two);
      assert.deepEqual((await registry.describe(repository, two, signal))?.tags.toSorted(), ["moving", "put-two"]);
      assert.deepEqual((await registry.describe(repository, one, signal))?.tags, ["put-one"]);
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
      assert.deepEqual((await registry.describe(repository, digest, signal))?.tags, ["remove-b"]);
      await registry.remove(repository, [{ tag: "remove-b" }, { tag: "remove-a" }], signal);
      assert.equal(await registry.find(repository, { digest }, signal), undefined);
      await registry.remove(repository, [{ digest }], signal);
    });

    it("removes what a resource owns, and never an image that another tag is on", async () => {
      const shared = await subject.push("shared", ["mine-1", "theirs-1"]);
      await removeImage({ repository, digest: shared, tags: ["mine-1"] }, registry, recordedOperation());
      assert.deepEqual((await registry.describe(repository, shared, signal))?.tags, ["theirs-1"]);
      const owned = await subject.push("owned", ["mine-2", "mine-3"]);
      await removeImage({ repository, digest: owned, tags: ["mine-2", "mine-3", "gone"] }, registry, recordedOperation());
      assert.equal(await registry.find(repository, { digest: owned }, signal), undefined);
      await removeImage({ repository, digest: owned, tags: ["mine-2"] }, registry, recordedOperation());
    });

    it("knows the platforms of an index, and does not take a child away from under it", async () => {
      const child = await subject.push("child", ["child"]);
      const index = await subject.pushIndex([child], "index");
      assert.deepEqual(await registry.platformsOf(repository, await found({ tag: "index" }), signal), [amd64]);
      await assert.rejects(registry.remove(repository, [{ digest: child }], signal), (error) => hasCode(error, "image-unconfirmed"));
      assert.equal((await found({ digest: child })).digest, child);
      await registry.remove(repository, [{ digest: index }], signal);
      await registry.remove(repository, [{ digest: child }], signal);
      assert.equal(await registry.find(repository, { digest: child }, signal), undefined);
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
