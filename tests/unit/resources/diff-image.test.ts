import assert from "node:assert/strict";
import { contentTag } from "../../../provider/src/image/tag.ts";
import { computedInputs, userInputs } from "../../../provider/src/resources/image/image-args.ts";
import { diffImage } from "../../../provider/src/resources/image/diff-image.ts";
import { Secret, unknown, type PropertyMap } from "../../../provider/src/resources/property-value.ts";

const hash = (digit: string): string => digit.repeat(64);
const repositoryUrl = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app";
const olds: PropertyMap = {
  repositoryUrl,
  context: "./app",
  buildArgs: { A: "1", B: "2" },
  tags: ["latest"],
  logs: "summary",
  contextHash: hash("a"),
  contentHash: hash("b"),
};
const state: PropertyMap = { ...olds, digest: `sha256:${hash("c")}`, contentTag: contentTag(hash("b")) };

function diff(changes: PropertyMap, ignoreChanges: readonly string[] = []): Record<string, string> {
  const newInputs = Object.fromEntries(Object.entries({ ...olds, ...changes }).filter(([, value]) => value !== null));
  return Object.fromEntries(diffImage({ id: "x", state, oldInputs: olds, newInputs, ignoreChanges }, {}));
}

const otherContent = { contextHash: hash("d"), contentHash: hash("e") };

describe("the diff table", () => {
  const rows: readonly (readonly [name: string, changes: PropertyMap, expected: Record<string, string>])[] = [
    ["nothing", {}, {}],
    ["the context's path", { context: "../x/app" }, {}],
    ["the Dockerfile's path", { dockerfile: "app/Dockerfile" }, {}],
    ["the log level", { logs: "full" }, {}],
    ["the project", { project: "other" }, {}],
    ["the bucket", { contextBucket: "other" }, {}],
    ["onMissing", { onMissing: "fail" }, {}],
    ["a default written out, with the same content hash", { platforms: ["linux/amd64"] }, {}],
    ["the context", otherContent, { contextHash: "update", contentHash: "update" }],
    ["a build arg", { buildArgs: { A: "1", B: "3" }, contentHash: hash("e") }, { contentHash: "update", "buildArgs.B": "update" }],
    [
      "a build arg more and one less",
      { buildArgs: { A: "1", "my.c": "3" }, contentHash: hash("e") },
      { contentHash: "update", "buildArgs.B": "delete", 'buildArgs["my.c"]': "add" },
    ],
    ["a target", { target: "prod", contentHash: hash("e") }, { contentHash: "update", target: "add" }],
    ["the tags", { tags: ["v1"] }, { tags: "update" }],
    ["no tags any more", { tags: null }, { tags: "delete" }],
    ["onDelete", { onDelete: "delete" }, { onDelete: "add" }],
    ["the repository", { repositoryUrl: repositoryUrl.replace("app", "other") }, { repositoryUrl: "updateReplace" }],
    ["the repository's spelling", { repositoryUrl: `https://${repositoryUrl}` }, {}],
    ["a repository that is not known yet", { repositoryUrl: unknown }, { repositoryUrl: "update" }],
    ["content that is not known yet", { contentHash: unknown, buildArgs: unknown }, { contentHash: "update", buildArgs: "update" }],
    ["secrecy alone", { tags: new Secret(["latest"]) }, {}],
  ];
  for (const [name, changes, expected] of rows)
    it(`tells what a change of ${name} means: ${JSON.stringify(expected)}`, () => assert.deepEqual(diff(changes), expected));

  it("leaves out what the program ignores", () =>
    assert.deepEqual(diff({ ...otherContent, tags: ["v1"] }, ["contextHash", "contentHash"]), { tags: "update" }));

  it("finds an imported image unchanged if its tag says the same content", () => {
    const imported = { repositoryUrl, digest: `sha256:${hash("c")}`, contentTag: contentTag(hash("b")) };
    const inputs = Object.fromEntries(Object.entries(olds).filter(([name]) => name !== "tags"));
    assert.equal(diffImage({ id: "x", state: imported, oldInputs: { repositoryUrl }, newInputs: inputs, ignoreChanges: [] }, {}).size, 0);
  });

  it("has a row for every input", () => {
    const everything = Object.fromEntries([...userInputs, ...computedInputs].map((name) => [name, "x"]));
    assert.doesNotThrow(() =>
      diffImage({ id: "x", state, oldInputs: olds, newInputs: { ...everything, repositoryUrl }, ignoreChanges: [] }, {}),
    );
  });
});
