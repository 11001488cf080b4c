import assert from "node:assert/strict";
import { createContextReader } from "../../../../provider/src/context/files/context-reader.ts";
import type { ObjectFacts } from "../../../../provider/src/context/shipping/context-store.ts";
import { createGitRemote } from "../../../../provider/src/context/sources/git-remote.ts";
import { hashOfDockerfile, hashOfSource } from "../../../../provider/src/context/sources/resolved-source.ts";
import { createSourceResolver, type SourceNames, type StoreOf } from "../../../../provider/src/context/sources/source-resolver.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";
import { makeFolder, removeFolders } from "../../../support/folder.ts";
import { startGitServer, type GitServer } from "../../../support/git-server.ts";
import { recordedOperation } from "../../../support/operation.ts";
import { testSources } from "../../../support/test-sources.ts";

const noStore: StoreOf = () => assert.fail("no bucket is looked into");

function storeWith(objects: Readonly<Record<string, ObjectFacts>>): StoreOf {
  return (bucket) => ({
    bucket,
    stat: async (key) => objects[key],
    get: () => assert.fail(),
    put: () => assert.fail(),
    putInTurn: () => assert.fail(),
    replace: () => assert.fail(),
  });
}

describe("sources, resolved", () => {
  let git: GitServer;
  before(async () => {
    git = await startGitServer();
  });
  after(() => git.close());
  afterEach(removeFolders);

  const resolve = (names: Omit<SourceNames, "baseDir">, storeOf = noStore) =>
    testSources(createContextReader()).sources.resolve({ ...names, baseDir: "/" }, storeOf, recordedOperation());
  const hashOf = async (context: string, storeOf = noStore): Promise<string> => hashOfSource((await resolve({ context }, storeOf)).context);

  it("are known by the commit and the folder, not by the name of the branch or the repository", async () => {
    const commit = git.commit({ Dockerfile: "FROM scratch\n" });
    git.tag("annotated");
    const hashes = await Promise.all(
      ["", "#main", "#refs/heads/main", "#annotated", `#${commit}`].map((end) => hashOf(`${git.url}${end}`)),
    );
    assert.equal(new Set(hashes).size, 1);
    assert.notEqual(await hashOf(`${git.url}#main:app`), hashes[0]);
    git.commit({ Dockerfile: "FROM scratch AS x\n" });
    assert.notEqual(await hashOf(git.url), hashes[0]);
    assert.equal(await hashOf(`https://elsewhere.invalid/x.git#${commit}`), hashes[0], "a commit is not asked for");
  });

  it("ask for a branch once, however many images use it", async () => {
    git.commit({});
    const { sources } = testSources(createContextReader());
    const names = { context: `${git.url}#main`, contexts: { a: `${git.url}#main`, b: `${git.url}#main:b` }, baseDir: "/" };
    const before_ = git.requests();
    const [one] = await Promise.all([1, 2, 3].map(() => sources.resolve(names, noStore, recordedOperation())));
    const asked = git.requests() - before_;
    git.commit({ more: "x" });
    assert.deepEqual(await sources.resolve(names, noStore, recordedOperation()), one);
    assert.equal(git.requests() - before_, asked + 0, "the first answer counts for the whole run");
    assert.ok(asked <= 2, `${asked} requests of one ls-remote`);
  });

  it("fail when a repository does not answer, a branch is not there, or there is no git", async () => {
    const fails = (context: string, words: string) =>
      assert.rejects(
        () => resolve({ context }),
        (error) => hasCode(error, "context-unreadable") && error.message.includes(words) && error.property === "context",
      );
    await fails(`${git.url}#nowhere`, 'no branch or tag "nowhere"');
    await fails(git.url.replace("app.git", "other.git"), "cannot be looked up");
    const without = createSourceResolver({ reader: createContextReader(), git: createGitRemote({ env: { PATH: "/nonexistent" } }) });
    await assert.rejects(
      () => without.resolve({ context: `${git.url}#main`, baseDir: "/" }, noStore, recordedOperation()),
      (error) => hasCode(error, "context-unreadable") && error.message.includes("there is no git"),
    );
  });

  it("are an archive as S3 describes it, and nothing when it is not there", async () => {
    const at = (etag: string) => storeWith({ "a.zip": { etag, size: 3 }, "a.tar": { etag, size: 3 } });
    const first = await hashOf("s3://bucket/a.zip", at("1"));
    assert.equal(await hashOf("s3://other/a.zip", at("1")), first, "where it lies is no content");
    assert.notEqual(await hashOf("s3://bucket/a.zip", at("2")), first);
    assert.notEqual(await hashOf("s3://bucket/a.tar", at("1")), first, "another format is unpacked otherwise");
    await assert.rejects(
      () => hashOf("s3://bucket/b.zip", at("1")),
      (error) => hasCode(error, "context-unreadable"),
    );
  });

  it("take a Dockerfile as text, from a path in a context that is no folder, or beside no context", async () => {
    const text = "FROM scratch\n";
    const folder = makeFolder({ Dockerfile: text, a: "a" });
    const [file, inline, none] = await Promise.all([
      resolve({ context: folder }),
      resolve({ context: folder, dockerfileInline: text }),
      resolve({ dockerfileInline: text }),
    ]);
    assert.equal(hashOfDockerfile(file.dockerfile), hashOfDockerfile(inline.dockerfile));
    assert.equal(hashOfSource(file.context), hashOfSource(inline.context));
    assert.deepEqual(none.context, { kind: "none" });
    const commit = git.commit({});
    const inside = await resolve({ context: `${git.url}#${commit}`, dockerfile: "./build/../Dockerfile" });
    assert.deepEqual(inside.dockerfile, { kind: "inContext", path: "Dockerfile" });
    await assert.rejects(
      () => resolve({ context: `${git.url}#${commit}`, dockerfile: "../Dockerfile" }),
      (error) => hasCode(error, "input-invalid") && error.property === "dockerfile",
    );
  });

  it("report everything that is wrong, each where the program wrote it", async () => {
    const { sources } = testSources(createContextReader());
    const names = {
      context: "/nowhere",
      contexts: { a: "/nowhere", "b c": "/", d: "s3://bucket/a.zip", e: "ssh://host/x" },
      dockerfileInline: "RUN",
      baseDir: "/",
    };
    const { failures, resolved } = await sources.inspect(names, noStore, recordedOperation());
    assert.equal(resolved, undefined);
    assert.deepEqual(failures.map(({ property }) => property).sort(), [
      "context",
      "contexts.a",
      "contexts.d",
      "contexts.e",
      'contexts["b c"]',
      "dockerfileInline",
    ]);
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`c${i}`, "docker-image://a"]));
    const many = await sources.inspect({ dockerfileInline: "FROM a", contexts: nine, baseDir: "/" }, noStore, recordedOperation());
    assert.deepEqual(
      many.failures.map(({ property }) => property),
      ["contexts.c8"],
    );
  });
});
