import assert from "node:assert/strict";
import { join } from "node:path";
import { createContextReader } from "../../../provider/src/context/files/context-reader.ts";
import { checkImage } from "../../../provider/src/resources/image/check-image.ts";
import type { ImageDefaults } from "../../../provider/src/resources/image/image-args.ts";
import type { ImageDeps } from "../../../provider/src/resources/image/image-deps.ts";
import { Foreign, Secret, textAt, unknown, type PropertyMap } from "../../../provider/src/resources/property-value.ts";
import type { CheckResult } from "../../../provider/src/resources/resource.ts";
import { systemClock } from "../../../provider/src/support/clock.ts";
import { testSources } from "../../support/test-sources.ts";
import { makeFolder, removeFolders } from "../../support/folder.ts";
import { recordedOperation } from "../../support/operation.ts";

const repositoryUrl = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app";

function check(news: PropertyMap, options: { olds?: PropertyMap; defaults?: ImageDefaults; baseDir?: string } = {}): Promise<CheckResult> {
  const deps: ImageDeps = {
    clock: systemClock,
    baseDir: options.baseDir ?? "/",
    defaults: options.defaults ?? { project: "builder", contextBucket: "contexts" },
    ...testSources(createContextReader()),
    customEndpoint: false,
    cloudFor: () => assert.fail("Check must not talk to a cloud"),
  };
  return checkImage({ news, olds: options.olds ?? {} }, deps, recordedOperation());
}

describe("Check", () => {
  afterEach(removeFolders);
  const good = () => makeFolder({ Dockerfile: "FROM scratch AS base\n", a: "1" });

  it("adds the hashes, and leaves everything else as it was given", async () => {
    const news = { repositoryUrl, context: good(), tags: ["v1"], buildArgs: new Secret({ A: "1" }) };
    const { inputs, failures } = await check(news);
    assert.deepEqual(failures, []);
    assert.deepEqual(
      { ...inputs, contextHash: undefined, dockerfileHash: undefined, contentHash: undefined },
      { ...news, contextHash: undefined, dockerfileHash: undefined, contentHash: undefined },
    );
    assert.match(textAt(inputs, "dockerfileHash") ?? "", /^[0-9a-f]{64}$/);
    assert.match(textAt(inputs, "contextHash") ?? "", /^[0-9a-f]{64}$/);
    assert.match(textAt(inputs, "contentHash") ?? "", /^[0-9a-f]{64}$/);
  });

  const failing: readonly (readonly [name: string, news: PropertyMap, properties: readonly string[]])[] = [
    ["a repository that is none", { repositoryUrl: "app" }, ["repositoryUrl"]],
    ["a registry that is not ECR", { repositoryUrl: "ghcr.io/me/app" }, ["repositoryUrl"]],
    ["no repository", { repositoryUrl: null }, ["repositoryUrl"]],
    ["an unknown property", { contxt: "./app" }, ["contxt"]],
    ["an unknown stage", { target: "prod" }, ["target"]],
    ["a platform that is none", { platforms: ["linux", "linux/arm64"] }, ["platforms[0]"]],
    [
      "platforms that are there twice, however they are spelled",
      { platforms: ["linux/arm64", "linux/amd64", "linux/arm64/v8", "linux/amd64"] },
      ["platforms[2]", "platforms[3]"],
    ],
    ["a flag that is none", { reproducible: "yes" }, ["reproducible"]],
    ["no platform", { platforms: [] }, ["platforms"]],
    ["tags that cannot be, are ours, or there twice", { tags: ["a b", "cb-1", "x", "x"] }, ["tags[0]", "tags[1]", "tags[3]"]],
    ["values of another type", { buildArgs: { A: 1 }, tags: "latest", context: 4 }, ["buildArgs.A", "tags", "context"]],
    ["an asset", { context: new Foreign("archive") }, ["context"]],
    ["a choice that is none", { onMissing: "wait", logs: "loud", onDelete: "keep" }, ["onMissing", "logs", "onDelete"]],
    [
      "secrets that name no place, two places, or none we know",
      { secrets: { a: {}, b: { secretsManager: "x", parameterStore: "y" }, c: { vault: "x" }, "d e": { parameterStore: "x" }, f: "x" } },
      ["secrets.a", "secrets.b", "secrets.c", "secrets.c.vault", 'secrets["d e"]', "secrets.f"],
    ],
    ["a NUL", { buildArgs: { "A.b": "x\0" } }, ['buildArgs["A.b"]']],
    ["an output set by the program", { contextHash: "x", digest: "y" }, ["contextHash", "digest"]],
    ["names that cannot be", { project: "-x", contextBucket: "UPPER" }, ["project", "contextBucket"]],
    ["a Dockerfile twice", { dockerfile: "x/Dockerfile", dockerfileInline: "FROM scratch" }, ["dockerfileInline"]],
    ["no context, and no text of a Dockerfile", { context: null }, ["context"]],
    ["a version of a source that is not built", { sourceVersion: "main" }, ["sourceVersion"]],
    [
      "named contexts that a project's buildspec cannot be given",
      { buildspec: "project", contexts: { a: "/nowhere" } },
      ["contexts.a", "contexts.a"],
    ],
    [
      "a Dockerfile and a context beside a project's own source",
      { context: null, buildspec: "project", dockerfile: "Dockerfile", contexts: { a: "docker-image://b" } },
      ["dockerfile", "contexts.a"],
    ],
    ["a context that is no context", { context: "https://host/app.tar.gz" }, ["context"]],
    ["a Dockerfile that is not there", { dockerfile: "nowhere/Dockerfile" }, ["dockerfile"]],
  ];
  for (const [name, news, properties] of failing) {
    it(`names ${properties.join(" and ")} for ${name}`, async () => {
      const { failures } = await check({ repositoryUrl, context: good(), ...news });
      assert.deepEqual(failures.map(({ property }) => property).sort(), [...properties].sort());
    });
  }

  it("reports everything at once", async () => {
    const folder = makeFolder({ ".dockerignore": "[\n" });
    const { failures } = await check({ repositoryUrl: "app", context: folder, tags: ["a b"], bogus: true }, { defaults: {} });
    assert.deepEqual(failures.map(({ property }) => property).sort(), [
      "bogus",
      "context",
      "contextBucket",
      "dockerfile",
      "project",
      "repositoryUrl",
      "tags[0]",
    ]);
  });

  it("requires a project and a bucket only where something may be built", async () => {
    const { failures } = await check({ repositoryUrl, context: good(), onMissing: "fail" }, { defaults: {} });
    assert.deepEqual(failures, []);
  });

  it("takes what an import found as it is, and asks for a context when anything else is wanted", async () => {
    const olds = { repositoryUrl, tags: ["v1"] };
    assert.deepEqual(await check({ ...olds }, { olds }), { inputs: olds, failures: [] });
    for (const news of [
      { ...olds, tags: ["v2"] },
      { ...olds, logs: "off" },
    ]) {
      const { failures } = await check(news, { olds });
      assert.deepEqual(
        failures.map(({ property }) => property),
        ["context"],
      );
    }
    assert.equal((await check(olds)).failures.length, 1, "what is new needs one");
  });

  it("names platforms where the configuration's default is none", async () => {
    const { failures } = await check(
      { repositoryUrl, context: good() },
      { defaults: { project: "builder", contextBucket: "contexts", platforms: [] } },
    );
    assert.deepEqual(
      failures.map(({ property }) => property),
      ["platforms"],
    );
  });

  it("takes unknown values anywhere, and then knows no content hash", async () => {
    const folder = good();
    for (const news of [{ repositoryUrl: unknown }, { project: unknown, contextBucket: unknown }, { tags: [unknown] }] as PropertyMap[]) {
      const { inputs, failures } = await check({ repositoryUrl, context: folder, ...news });
      assert.deepEqual(failures, []);
      assert.match(textAt(inputs, "contentHash") ?? "", /^[0-9a-f]{64}$/);
    }
    const volatile = await check({ repositoryUrl, context: folder, buildArgs: { A: unknown }, volatileBuildArgs: ["A"] });
    assert.match(textAt(volatile.inputs, "contentHash") ?? "", /^[0-9a-f]{64}$/);
    for (const news of [
      { buildArgs: { A: unknown } },
      { target: unknown },
      { reproducible: unknown },
      { context: unknown },
      { dockerfile: unknown },
    ] as PropertyMap[]) {
      const { inputs, failures } = await check({ repositoryUrl, context: folder, ...news });
      assert.deepEqual(failures, []);
      assert.equal(inputs["contentHash"], unknown);
    }
  });

  it("finds the same content however a path is spelled, and whatever is no content", async () => {
    const folder = good();
    const hashes = await Promise.all(
      [
        { context: folder },
        { context: `${folder}/../${folder.split("/").at(-1)}/` },
        { context: folder, tags: ["x"], logs: "off", dockerfile: join(folder, "Dockerfile"), platforms: ["linux/amd64"] },
      ].map(async (news) => (await check({ repositoryUrl, ...news })).inputs["contentHash"]),
    );
    assert.equal(new Set(hashes).size, 1);
  });

  for (const [name, news] of Object.entries<PropertyMap>({
    target: { target: "base" },
    "a build arg": { buildArgs: { A: "1" } },
    "a label": { labels: { a: "1" } },
    "a trigger": { triggers: { a: "1" } },
    "a platform": { platforms: ["linux/arm64"] },
    "two platforms": { platforms: ["linux/amd64", "linux/arm64"] },
    reproducible: { reproducible: true },
  })) {
    it(`finds another content with ${name}`, async () => {
      const context = good();
      const [one, two] = await Promise.all([check({ repositoryUrl, context }), check({ repositoryUrl, context, ...news })]);
      assert.notEqual(one.inputs["contentHash"], two.inputs["contentHash"]);
      assert.equal(one.inputs["contextHash"], two.inputs["contextHash"]);
    });
  }

  it("finds the same content in any order of platforms, and where reproducible is off", async () => {
    const context = good();
    const hash = async (news: PropertyMap) => (await check({ repositoryUrl, context, ...news })).inputs["contentHash"];
    const [one, two] = [{ platforms: ["linux/arm64", "linux/amd64"] }, { platforms: ["linux/amd64", "linux/arm64"], reproducible: false }];
    assert.equal(await hash(one), await hash(two));
  });

  it("keeps the old context hash under ignoreChanges", async () => {
    const context = good();
    const old = "a".repeat(64);
    const { inputs, failures } = await check({ repositoryUrl, context, contextHash: old }, { olds: { contextHash: old } });
    assert.deepEqual(failures, []);
    assert.equal(inputs["contextHash"], old);
  });

  it("knows a project's own source by the project and the version, and needs no bucket for it", async () => {
    const own = async (news: PropertyMap) => (await check({ repositoryUrl, buildspec: "project", ...news }, { defaults: {} })).inputs;
    const [one, same, other, later, some] = await Promise.all([
      own({ project: "builder", sourceVersion: "1" }),
      own({ project: "builder", sourceVersion: "1", tags: ["x"] }),
      own({ project: "other", sourceVersion: "1" }),
      own({ project: "builder", sourceVersion: "2" }),
      own({ project: unknown }),
    ]);
    assert.match(textAt(one, "contentHash") ?? "", /^[0-9a-f]{64}$/);
    assert.equal(one["contentHash"], same["contentHash"]);
    assert.equal(new Set([one, other, later].map((inputs) => inputs["contentHash"])).size, 3);
    assert.equal(some["contentHash"], unknown);
    assert.equal(one["dockerfileHash"], undefined);
  });

  it("hashes a Dockerfile given by its text as it would the file, and knows named contexts each by its hash", async () => {
    const text = "FROM scratch AS base\n";
    const folder = good();
    const named = makeFolder({ b: "b" });
    const [file, inline, beside] = await Promise.all([
      check({ repositoryUrl, context: folder }),
      check({ repositoryUrl, context: folder, dockerfileInline: text }),
      check({ repositoryUrl, context: folder, contexts: { named, image: "docker-image://a@sha256:" + "0".repeat(64) } }),
    ]);
    assert.equal(inline.inputs["contentHash"], file.inputs["contentHash"]);
    assert.notEqual(beside.inputs["contentHash"], file.inputs["contentHash"]);
    assert.deepEqual(Object.keys(beside.inputs["contextHashes"] as PropertyMap).sort(), ["image", "named"]);
  });
});
