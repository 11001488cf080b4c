import assert from "node:assert/strict";
import { buildspec } from "../../../../provider/src/backends/codebuild/buildspec.ts";
import { idempotencyToken, startBuildInput, withoutAssembly } from "../../../../provider/src/backends/codebuild/start-build-input.ts";
import { buildRequest } from "../../../support/build-request.ts";
import { assertGolden } from "../../../support/golden.ts";

describe("startBuildInput", () => {
  it("is the golden input", () => {
    assertGolden("start-build-input.json", `${JSON.stringify(startBuildInput(buildRequest(), "LINUX_CONTAINER"), null, 2)}\n`);
  });

  for (const { name, architecture, type, override } of [
    { name: "an x86 project as it is for amd64", architecture: "amd64", type: "LINUX_CONTAINER", override: undefined },
    { name: "an EC2 project as it is for amd64", architecture: "amd64", type: "LINUX_EC2", override: undefined },
    { name: "an ARM project as it is for arm64", architecture: "arm64", type: "ARM_CONTAINER", override: undefined },
    { name: "an ARM machine for arm64 in an x86 project", architecture: "arm64", type: "LINUX_CONTAINER", override: "ARM_CONTAINER" },
    { name: "an x86 machine for amd64 in an ARM project", architecture: "amd64", type: "ARM_CONTAINER", override: "LINUX_CONTAINER" },
    {
      name: "a container instead of Lambda, which has no Docker",
      architecture: "amd64",
      type: "LINUX_LAMBDA_CONTAINER",
      override: "LINUX_CONTAINER",
    },
  ]) {
    it(`takes ${name}`, () => {
      const input = startBuildInput(buildRequest({ platform: { os: "linux", architecture } }), type);
      assert.equal(input.environmentTypeOverride, override);
      assert.equal(input.imageOverride === undefined, override === undefined);
    });
  }

  it("pins an archive to its version, and leaves a project's own source as it is", () => {
    const object = { bucket: "theirs", key: "a/context.zip" };
    const pinned = startBuildInput(
      buildRequest({ context: { kind: "object", object, format: "zip", versionId: "v7" } }),
      "LINUX_CONTAINER",
    );
    assert.equal(pinned.sourceLocationOverride, "theirs/a/context.zip");
    assert.equal(pinned.sourceVersion, "v7");
    const request = buildRequest({ context: { kind: "own", version: "main" }, recipe: "project" });
    delete request.dockerfile;
    const own = startBuildInput(request, "LINUX_CONTAINER");
    assert.equal(own.sourceVersion, "main");
    for (const override of ["sourceTypeOverride", "sourceLocationOverride", "secondarySourcesOverride", "buildspecOverride"] as const) {
      assert.equal(own[override], undefined, override);
    }
  });

  for (const [minutes, sent] of [
    [1, 5],
    [62, 62],
    [100_000, 2160],
  ] as const) {
    it(`sends a timeout of ${minutes} minutes as ${sent}`, () => {
      assert.equal(startBuildInput(buildRequest({ timeoutMinutes: minutes }), "LINUX_CONTAINER").timeoutInMinutesOverride, sent);
    });
  }
});

describe("a context that is put together", () => {
  const context = {
    kind: "archive" as const,
    object: { bucket: "contexts", key: "cloudbuild/contexts/cccc.tar.gz" },
    assembly: {
      baseKey: "cloudbuild/contexts/aaaa.tar.gz",
      deltaKeys: ["cloudbuild/deltas/aaaa-bbbb.tar.gz", "cloudbuild/deltas/bbbb-cccc.tar.gz"],
      treeDigest: "0123".repeat(16),
    },
  };

  it("comes as a base and deltas, and the recipe puts it together and checks it", () => {
    assertGolden("buildspec/assembled.yml", buildspec(buildRequest({ context })));
    const input = startBuildInput(buildRequest({ context }), "LINUX_CONTAINER");
    assert.equal(input.sourceLocationOverride, "contexts/cloudbuild/contexts/aaaa.tar.gz");
    assert.deepEqual(
      input.secondarySourcesOverride?.map(({ sourceIdentifier, location }) => [sourceIdentifier, location]),
      [
        ["dockerfile", "contexts/cloudbuild/dockerfiles/bbbb/Dockerfile"],
        ["delta1", "contexts/cloudbuild/deltas/aaaa-bbbb.tar.gz"],
        ["delta2", "contexts/cloudbuild/deltas/bbbb-cccc.tar.gz"],
      ],
    );
  });

  it("makes the request that the whole context makes, but for the way it travels", () => {
    const whole = buildRequest({ context: { kind: "archive", object: context.object } });
    assert.deepEqual(withoutAssembly(buildRequest({ context })), whole);
  });
});

describe("idempotencyToken", () => {
  const input = startBuildInput(buildRequest(), "LINUX_CONTAINER");

  it("is 64 hex, as long as CodeBuild takes", () => assert.match(idempotencyToken(input, undefined), /^[0-9a-f]{64}$/));

  it("is the same for equal inputs, whatever the order of their keys", () => {
    const reordered = Object.fromEntries(Object.entries(input).reverse()) as typeof input;
    assert.equal(idempotencyToken(reordered, undefined), idempotencyToken(input, undefined));
  });

  it("differs after a settled build, and between two of them", () => {
    const tokens = [undefined, "builder:1", "builder:2"].map((previous) => idempotencyToken(input, previous));
    assert.equal(new Set(tokens).size, 3);
  });

  it("differs for another content", () => {
    const other = startBuildInput(buildRequest({ buildArgs: { A: "1" } }), "LINUX_CONTAINER");
    assert.notEqual(idempotencyToken(other, undefined), idempotencyToken(input, undefined));
  });
});
