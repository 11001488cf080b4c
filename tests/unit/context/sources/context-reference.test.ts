import assert from "node:assert/strict";
import { gitUrlAt, parseContextReference, type ContextReference } from "../../../../provider/src/context/sources/context-reference.ts";
import { CloudBuildError } from "../../../../provider/src/errors/cloudbuild-error.ts";

describe("a context's name", () => {
  const names: readonly (readonly [text: string, reference: ContextReference])[] = [
    ["./app", { kind: "folder", path: "./app" }],
    ["C:\\app", { kind: "folder", path: "C:\\app" }],
    ["app.git", { kind: "folder", path: "app.git" }],
    ["https://host/app.git", { kind: "git", url: "https://host/app.git" }],
    ["https://host/app.git#v1", { kind: "git", url: "https://host/app.git", ref: "v1" }],
    ["https://host/app.git#:sub/../a/", { kind: "git", url: "https://host/app.git", subfolder: "a" }],
    ["git://host/app#feature/x:a/b", { kind: "git", url: "git://host/app", ref: "feature/x", subfolder: "a/b" }],
    ["http://host:8080/app.git#main:/", { kind: "git", url: "http://host:8080/app.git", ref: "main" }],
    ["s3://my-bucket/a/b.tgz", { kind: "object", bucket: "my-bucket", key: "a/b.tgz", format: "tar.gz" }],
    ["s3://my-bucket/b.zip", { kind: "object", bucket: "my-bucket", key: "b.zip", format: "zip" }],
    ["docker-image://host:5000/a/b:1", { kind: "image", reference: "host:5000/a/b:1" }],
  ];
  for (const [text, reference] of names) {
    it(`${text} is a ${reference.kind}`, () => assert.deepEqual(parseContextReference(text), reference));
  }

  for (const [text, words] of [
    ["git@host:team/app.git", "needs an SSH key"],
    ["ssh://git@host/app.git", "needs an SSH key"],
    ["https://host/app.tar.gz", "must end in .git"],
    ["https://user:token@host/app.git", "holds credentials"],
    ["https://host/app.git#--upload-pack=x", "is not the name of a branch"],
    ["https://host/app.git#a..b", "is not the name of a branch"],
    ["https://host/app.git#main:../x", "lies outside the repository"],
    ["https://host/a b.git", "is not a URL"],
    ["s3://bucket", "is not an S3 object"],
    ["s3://bucket/app", "is not an archive"],
    ["docker-image://", "is not an image"],
    ["oci-layout://x", "is a URL of an unknown kind"],
  ] as const) {
    it(`refuses ${text}: ${words}`, () =>
      assert.throws(
        () => parseContextReference(text),
        (error) => error instanceof CloudBuildError && error.message.includes(words) && !error.message.includes("token"),
      ));
  }

  it("is handed to BuildKit at a commit", () => {
    assert.equal(gitUrlAt({ url: "https://host/app.git", subfolder: "a" }, "c0ffee"), "https://host/app.git#c0ffee:a");
    assert.equal(gitUrlAt({ url: "https://host/app.git" }, "c0ffee"), "https://host/app.git#c0ffee");
  });
});
