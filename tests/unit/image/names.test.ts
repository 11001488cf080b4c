import assert from "node:assert/strict";
import { digestOf, parseDigest } from "../../../provider/src/image/digest.ts";
import { formatPlatform, parsePlatform, samePlatform } from "../../../provider/src/image/platform.ts";
import { parseRepository } from "../../../provider/src/image/repository.ts";
import { childTag, contentTag, isContentTag, isReservedTag, parseTag } from "../../../provider/src/image/tag.ts";

describe("OCI names", () => {
  it("reads account and region off an ECR host, in every partition", () => {
    const hosts = {
      "123456789012.dkr.ecr.eu-west-1.amazonaws.com": "eu-west-1",
      "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn": "cn-north-1",
      "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com": "us-gov-west-1",
      "123456789012.dkr-ecr.eu-central-1.on.aws": "eu-central-1",
    };
    for (const [host, region] of Object.entries(hosts)) {
      assert.deepEqual(parseRepository(`${host}/team/app`), {
        url: `${host}/team/app`,
        registry: host,
        name: "team/app",
        ecr: { accountId: "123456789012", region },
      });
    }
  });

  it("takes other registries, ports and https://", () => {
    assert.deepEqual(parseRepository("https://127.0.0.1:5000/a/b-c__d.e"), {
      url: "127.0.0.1:5000/a/b-c__d.e",
      registry: "127.0.0.1:5000",
      name: "a/b-c__d.e",
    });
  });

  for (const bad of [
    "app",
    "",
    "/app",
    "host/",
    "host/UPPER",
    "host/app:tag",
    "host/app@sha256:x",
    "host/a//b",
    "host/-a",
    "ho st/app",
    `host/${"a".repeat(257)}`,
  ]) {
    it(`refuses ${JSON.stringify(bad.slice(0, 40))} as a repository`, () =>
      assert.throws(() => parseRepository(bad), /is not a repository URL/));
  }

  it("knows tags", () => {
    for (const good of ["latest", "v1.2.3", "_x", "A".repeat(128)]) assert.equal(parseTag(good), good);
    for (const bad of ["", ".x", "-x", "a b", "a:b", "A".repeat(129)]) assert.throws(() => parseTag(bad), /is not a tag/);
  });

  it("tells content tags from the tags of their children, and both from a program's", () => {
    const tag = contentTag("0123456789abcdef".repeat(4));
    assert.equal(tag, "cb-0123456789abcdef0123456789abcdef");
    const child = childTag(tag, parsePlatform("linux/arm/v7"));
    assert.equal(child, "cb-0123456789abcdef0123456789abcdef-linux-arm-v7");
    assert.deepEqual([tag, child, "cb-x", "latest"].map(isContentTag), [true, false, false, false]);
    assert.deepEqual([tag, child, "cb-x", "latest"].map(isReservedTag), [true, true, true, false]);
  });

  it("knows platforms", () => {
    assert.equal(formatPlatform(parsePlatform("linux/arm/v7")), "linux/arm/v7");
    for (const bad of ["linux", "Linux/amd64", "linux/", "linux/amd64/v1/x"]) assert.throws(() => parsePlatform(bad), /is not a platform/);
    assert.equal(samePlatform(parsePlatform("linux/arm64"), parsePlatform("linux/arm64/v8")), true);
    assert.equal(samePlatform(parsePlatform("linux/arm64"), parsePlatform("linux/amd64")), false);
  });

  it("knows digests", () => {
    assert.equal(digestOf(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.throws(() => parseDigest("sha256:E3"), /is not a digest/);
  });
});
