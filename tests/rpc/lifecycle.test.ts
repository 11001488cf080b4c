import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { status, type ServiceError } from "@grpc/grpc-js";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import packageJson from "../../package.json" with { type: "json" };
import {
  imageUrn,
  secretOf,
  severity,
  startFakeEngine,
  unknownSentinel,
  type EngineClient,
  type FakeEngine,
  type Json,
} from "../support/fake-engine.ts";
import { fill, makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { startProvider, type ProviderProcess } from "../support/provider-process.ts";

function failsWith(code: status, ...texts: readonly string[]): (error: ServiceError) => boolean {
  return (error) => {
    assert.equal(error.code, code, error.details);
    for (const text of texts) assert.ok(error.details.includes(text), `expected "${text}" in: ${error.details}`);
    return true;
  };
}

const grpc = (code: status, ...texts: readonly string[]) => failsWith(code, ...texts) as (error: unknown) => boolean;

describe("the provider over gRPC", () => {
  let world: LocalWorld;
  let engine: FakeEngine;
  let provider: ProviderProcess;
  let client: EngineClient;
  let names = 0;

  before(async () => {
    world = await startWorld();
    engine = await startFakeEngine();
    await start();
  });
  after(async () => {
    await provider.stop();
    engine.close();
    await world.stop();
    removeFolders();
  });
  beforeEach(() => world.resetCalls());
  afterEach(() => world.setFaults([]));

  const config = (): Json => ({ project: world.project, contextBucket: world.bucket });

  async function start(): Promise<void> {
    provider = await startProvider({ engine, env: world.env, config: config() });
    client = provider.client;
  }

  /** The engine configures a provider once in each preview or up, which read a context once. */
  const nextRun = (): Promise<void> => client.configure(config());

  /** A context that no other test builds. */
  function context(dockerfile = "RUN cat /note > /copy\n"): string {
    names += 1;
    return makeFolder({ Dockerfile: `FROM ${world.base}\nCOPY note /note\n${dockerfile}`, note: `note ${names}\n` });
  }

  async function checked(urn: string, news: Json, olds?: Json): Promise<Json> {
    const { inputs, failures } = await client.check(urn, { repositoryUrl: world.repositoryUrl, ...news }, olds);
    assert.deepEqual(failures, []);
    return inputs;
  }

  const started = async (): Promise<number> => (await world.calls())["codebuild:StartBuild"] ?? 0;

  /** What the local cloud says of the newest build. */
  async function newestBuild(): Promise<{ id: string; status: string }> {
    const call = async (operation: string, input: object): Promise<Record<string, unknown>> => {
      const headers = { "x-amz-target": `CodeBuild_20161006.${operation}`, "content-type": "application/x-amz-json-1.1" };
      return (await (await fetch(world.endpoint, { method: "POST", headers, body: JSON.stringify(input) })).json()) as Record<
        string,
        unknown
      >;
    };
    const { ids } = (await call("ListBuilds", {})) as { ids: string[] };
    const { builds } = (await call("BatchGetBuilds", { ids: ids.slice(0, 1) })) as { builds: { id: string; buildStatus: string }[] };
    return { id: builds[0]?.id ?? "", status: builds[0]?.buildStatus ?? "" };
  }

  async function untilRunning(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      if (engine.log.some(({ message }) => message.startsWith("building"))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("no build began");
  }

  it("says its version and its schema", async () => {
    const info = await new Promise<PluginInfo>((resolve, reject) =>
      client.raw.getPluginInfo(new empty.Empty(), (error, response) => (error ? reject(error) : resolve(response))),
    );
    assert.equal(info.getVersion(), packageJson.version);
    const schema = await new Promise<string>((resolve, reject) =>
      client.raw.getSchema(new pb.GetSchemaRequest(), (error, response) => (error ? reject(error) : resolve(response.getSchema()))),
    );
    const parsed = JSON.parse(schema) as { version: string; resources: object };
    assert.equal(parsed.version, packageJson.version);
    assert.deepEqual(Object.keys(parsed.resources), ["cloudbuild:index:CloudBuildImage"]);
  });

  it("refuses a method and a type it does not have with a code of their own", async () => {
    await assert.rejects(
      client.check("urn:pulumi:t::t::cloudbuild:index:Nothing::x", {}),
      grpc(status.INVALID_ARGUMENT, '"cloudbuild:index:Nothing"', "[input-invalid]"),
    );
    await assert.rejects(client.invoke("cloudbuild:index:nothing", {}), grpc(status.INVALID_ARGUMENT, "cloudbuild:index:nothing"));
  });

  it("diffs its configuration", async () => {
    const diff = (olds: Json, news: Json) => client.diffConfig(olds, news);
    assert.deepEqual(await diff({ region: "eu-west-1" }, { region: "eu-west-1" }), { changes: false, replaces: [], detailed: {} });
    const changed = await diff(
      { region: "eu-west-1", endpoints: '{"s3":"http://a"}' },
      { region: "eu-west-2", endpoints: { s3: "http://a" } },
    );
    assert.deepEqual([changed.changes, changed.replaces, Object.keys(changed.detailed)], [true, [], ["region"]]);
  });

  it("talks to the engine that attaches", async () => {
    const other = await startFakeEngine();
    try {
      await client.attach(other.address);
      await client.check(imageUrn("attached"), { repositoryUrl: world.repositoryUrl, context: context(), buildArgs: secretOf({ A: "x" }) });
      assert.equal(other.log.filter((line) => line.severity === severity.WARNING).length, 1);
    } finally {
      await client.attach(engine.address);
      other.close();
    }
  });

  it("finds images by tag, digest and content hash, and waits for one that is pushed later", async () => {
    const token = "cloudbuild:index:getImage";
    const { repositoryUrl } = world;
    const inputs = await checked(imageUrn("get"), { context: context(), tags: ["get-me"] });
    const { state } = await client.create(imageUrn("get"), inputs);
    for (const reference of [{ tag: "get-me" }, { digest: String(state["digest"]) }, { contentHash: String(inputs["contentHash"]) }]) {
      const { result } = await client.invoke(token, { repositoryUrl, ...reference });
      assert.deepEqual(result, {
        repositoryUrl,
        digest: state["digest"],
        imageUri: state["imageUri"],
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        platforms: ["linux/amd64"],
        platformDigests: { "linux/amd64": state["digest"] },
        tags: ["get-me"],
        contentTag: state["contentTag"],
      });
    }
    const waiting = client.invoke(token, { repositoryUrl, tag: "later", waitSeconds: 20 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    world.crane("tag", `${repositoryUrl}:get-me`, "later");
    assert.equal((await waiting).result?.["digest"], state["digest"]);
    await assert.rejects(
      client.invoke(token, { repositoryUrl, tag: "never", waitSeconds: 1 }),
      grpc(status.FAILED_PRECONDITION, ':never" does not exist after 1 s', "[image-missing]"),
    );
    for (const [args, failing] of [
      [{ repositoryUrl }, ["tag"]],
      [{ repositoryUrl, tag: "a", digest: String(state["digest"]) }, ["tag"]],
      [{ tag: "a" }, ["repositoryUrl"]],
      [{ repositoryUrl, tag: "a b", waitSeconds: -1, bogus: 1 }, ["bogus", "tag", "waitSeconds"]],
      [{ repositoryUrl, contentHash: "x" }, ["contentHash"]],
    ] as const) {
      assert.deepEqual((await client.invoke(token, { ...args })).failures.toSorted(), failing);
    }
  });

  it("leaves volatile build args out of the content, and hands them to the build", async () => {
    const folder = context("ARG NUMBER\nRUN echo number $NUMBER > /number\n");
    const urn = imageUrn("volatile");
    const inputs = await checked(urn, { context: folder, buildArgs: { NUMBER: "1" }, volatileBuildArgs: ["NUMBER"] });
    const { id, state } = await client.create(urn, inputs);
    assert.ok(world.crane("export", String(state["imageUri"]), "-").includes("number 1"));
    const next = await checked(urn, { context: folder, buildArgs: { NUMBER: "2" }, volatileBuildArgs: ["NUMBER"] }, inputs);
    assert.equal((await client.diff(urn, id, { state, oldInputs: inputs, newInputs: next })).changes, false);
    const { failures } = await client.check(urn, { repositoryUrl: world.repositoryUrl, context: folder, volatileBuildArgs: ["OTHER"] });
    assert.deepEqual(
      failures.map(({ property }) => property),
      ["volatileBuildArgs[0]"],
    );
  });

  it("creates: builds, follows, confirms, tags, and says so in the engine's log", async () => {
    const urn = imageUrn("create");
    const inputs = await checked(urn, { context: context(), tags: ["v1", "latest"], labels: { "org.example": "it's $(id)" } });
    engine.log.length = 0;
    const { id, state } = await client.create(urn, inputs);
    assert.match(id, new RegExp(`^${world.repositoryUrl}#[0-9a-f]{12}$`));
    assert.equal(state["outcome"], "built");
    assert.equal(state["imageUri"], `${world.repositoryUrl}@${String(state["digest"])}`);
    for (const tag of ["v1", "latest", String(state["contentTag"])])
      assert.equal(world.crane("digest", `${world.repositoryUrl}:${tag}`).trim(), state["digest"]);
    const config = JSON.parse(world.crane("config", String(state["imageUri"]))) as { config: { Labels: unknown } };
    assert.deepEqual(config.config.Labels, { "org.example": "it's $(id)" });
    assert.equal((await newestBuild()).id, state["buildId"]);
    const lines = engine.log.filter((line) => line.urn === urn);
    assert.ok(
      lines.some(({ ephemeral }) => ephemeral),
      "a live line",
    );
    assert.ok(
      lines.some(({ message, ephemeral }) => !ephemeral && message.includes(String(state["buildId"]))),
      "a line that stays",
    );
    assert.equal(lines.filter(({ ephemeral }) => ephemeral).at(-1)?.message, "", "the live line is cleared at the end");
  });

  it("previews: unknown what only a build can tell, exact what the registry can, and nothing is called but the registry", async () => {
    const urn = imageUrn("preview");
    const folder = context();
    const inputs = await checked(urn, { context: folder });
    const { id, state } = await client.create(urn, inputs, { preview: true });
    assert.equal(id, "");
    for (const name of ["imageUri", "digest", "platformDigests", "buildId", "logsUrl", "duration", "outcome"])
      assert.equal(state[name], unknownSentinel, name);
    assert.equal(JSON.stringify(state).includes('""'), false);
    assert.deepEqual(Object.keys(await world.calls()), ["ecr:BatchGetImage"]);

    const made = await client.create(urn, inputs);
    const again = await client.create(imageUrn("preview-again"), inputs, { preview: true });
    assert.equal(again.state["digest"], made.state["digest"]);
    assert.deepEqual(again.state["platformDigests"], { "linux/amd64": made.state["digest"] });
    assert.equal(again.state["outcome"], "reused");
  });

  it("previews a repository that does not exist yet, and one that is not known", async () => {
    const folder = context();
    for (const repositoryUrl of [`${world.registry}/later`, unknownSentinel]) {
      const inputs = await checked(imageUrn("later"), { context: folder, repositoryUrl });
      assert.equal((await client.create(imageUrn("later"), inputs, { preview: true })).state["digest"], unknownSentinel);
    }
  });

  it("reuses what the registry has, and builds what it has not", async () => {
    const urn = imageUrn("reuse");
    const folder = context();
    const inputs = await checked(urn, { context: folder });
    const first = await client.create(urn, inputs);
    writeFileSync(join(folder, "note"), `changed ${folder}\n`);
    await nextRun();
    const changed = await checked(urn, { context: folder }, inputs);
    const diff = await client.diff(urn, first.id, { state: first.state, oldInputs: inputs, newInputs: changed });
    assert.deepEqual(Object.keys(diff.detailed).sort(), ["contentHash", "contextHash"]);
    engine.log.length = 0;
    const preview = await client.update(urn, first.id, { state: first.state, oldInputs: inputs, newInputs: changed }, { preview: true });
    assert.equal(preview["digest"], unknownSentinel);
    assert.ok(engine.log.some(({ message }) => message === "1 file changed: note"));
    const second = await client.update(urn, first.id, { state: first.state, oldInputs: inputs, newInputs: changed });
    assert.equal(second["outcome"], "built");
    assert.notEqual(second["digest"], first.state["digest"]);
    await world.resetCalls();
    const back = await client.update(urn, first.id, { state: second, oldInputs: changed, newInputs: inputs });
    assert.equal(back["outcome"], "reused");
    assert.equal(back["digest"], first.state["digest"]);
    assert.equal(await started(), 0);
  });

  it("moves tags without a build", async () => {
    const urn = imageUrn("tags");
    const folder = context();
    const inputs = await checked(urn, { context: folder, tags: ["old"] });
    const { id, state } = await client.create(urn, inputs);
    await world.resetCalls();
    const retagged = await checked(urn, { context: folder, tags: ["old", "new"] }, inputs);
    const preview = await client.update(urn, id, { state, oldInputs: inputs, newInputs: retagged }, { preview: true });
    const done = await client.update(urn, id, { state, oldInputs: inputs, newInputs: retagged });
    assert.deepEqual(preview, done);
    assert.equal(done["outcome"], "retagged");
    assert.equal(done["digest"], state["digest"]);
    assert.equal(world.crane("digest", `${world.repositoryUrl}:new`).trim(), state["digest"]);
    assert.equal(await started(), 0);
  });

  it("reads: what is there stays, what is gone is gone, a moved tag is drift, and an error is none of these", async () => {
    const urn = imageUrn("read");
    const inputs = await checked(urn, { context: context(), tags: ["here", "moved"] });
    const { id, state } = await client.create(urn, inputs);
    assert.deepEqual(await client.read(urn, id, state, inputs), { id, state, inputs });

    world.crane("copy", world.base, `${world.repositoryUrl}:moved`);
    const drifted = await client.read(urn, id, state, inputs);
    assert.deepEqual(drifted.inputs?.["tags"], ["here"]);

    await world.setFaults([{ call: "ecr:*", error: { code: "AccessDeniedException", message: "not you", status: 400 } }]);
    await assert.rejects(client.read(urn, id, state, inputs), grpc(status.PERMISSION_DENIED, "ecr:BatchGetImage", "not you"));
    await world.setFaults([]);

    world.crane("copy", world.base, `${world.repositoryUrl}:here`);
    const removed = await fetch(world.endpoint, {
      method: "POST",
      headers: { "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.BatchDeleteImage" },
      body: JSON.stringify({ repositoryName: "app", imageIds: [{ imageDigest: state["digest"] }] }),
    });
    assert.equal(removed.status, 200);
    assert.equal((await client.read(urn, id, state, inputs)).id, "");
  });

  it("imports by digest and by tag", async () => {
    const urn = imageUrn("import");
    const made = await client.create(imageUrn("imported"), await checked(urn, { context: context(), tags: ["imported"] }));
    for (const reference of [String(made.state["imageUri"]), `${world.repositoryUrl}:imported`]) {
      const { id, state, inputs } = await client.read(urn, reference);
      assert.match(id, /#[0-9a-f]{12}$/);
      assert.equal(state?.["digest"], made.state["digest"]);
      assert.equal(state?.["contentTag"], made.state["contentTag"]);
      assert.deepEqual(state?.["platformDigests"], { "linux/amd64": made.state["digest"] });
      assert.deepEqual(inputs, { repositoryUrl: world.repositoryUrl, tags: ["imported"] });
    }
    assert.equal((await client.read(urn, `${world.repositoryUrl}:nowhere`)).id, "");
    await assert.rejects(client.read(urn, "nonsense"), grpc(status.INVALID_ARGUMENT, '"nonsense" names no image'));
  });

  it("deletes nothing unless it is told to, and then only what is its own", async () => {
    const folder = context();
    const [kept, gone] = [imageUrn("kept"), imageUrn("gone")];
    const inputs = await checked(kept, { context: folder, tags: ["keep-me"] });
    const { id, state } = await client.create(kept, inputs);
    await client.delete(kept, id, state, inputs);
    assert.equal(world.crane("digest", String(state["imageUri"])).trim(), state["digest"]);

    const deleting = await checked(gone, { context: folder, tags: ["mine"], onDelete: "delete" });
    const shared = await client.create(gone, deleting);
    await provider.stop();
    await start(); // a later run, of a program that declares it no longer
    await client.delete(gone, shared.id, shared.state, deleting);
    assert.equal(world.crane("digest", `${world.repositoryUrl}:keep-me`).trim(), state["digest"], "another's tag keeps the image");
    assert.throws(() => world.crane("digest", `${world.repositoryUrl}:mine`), /MANIFEST_UNKNOWN/);
    await client.delete(gone, shared.id, shared.state, deleting);
  });

  it("keeps a secret a secret", async () => {
    const urn = imageUrn("secret");
    engine.log.length = 0;
    const inputs = await checked(urn, { context: context(), buildArgs: secretOf({ TOKEN: "hush" }) });
    assert.ok(engine.log.some((line) => line.severity === severity.WARNING && line.message.includes("history of the image")));
    const { state } = await client.create(urn, inputs);
    assert.deepEqual(state["buildArgs"], secretOf({ TOKEN: "hush" }));
    assert.equal(
      engine.log.some(({ message }) => message.includes("hush")),
      false,
    );
  });

  it("reports everything that is wrong with the inputs at once", async () => {
    const { failures } = await client.check(imageUrn("bad"), {
      repositoryUrl: "app",
      context: makeFolder({ ".dockerignore": "[" }),
      tags: ["a b"],
      bogus: 1,
      contextHash: "x",
    });
    assert.deepEqual(failures.map(({ property }) => property).sort(), [
      "bogus",
      "context",
      "contextHash",
      "dockerfile",
      "repositoryUrl",
      "tags[0]",
    ]);
    assert.deepEqual(await world.calls(), {});
  });

  it("fails at once when the account may run no such machine", async () => {
    const message = "Cannot have more than 0 builds in queue for the account";
    await world.setFaults([{ call: "codebuild:StartBuild", error: { code: "AccountLimitExceededException", message } }]);
    const inputs = await checked(imageUrn("quota"), { context: context() });
    await assert.rejects(client.create(imageUrn("quota"), inputs), grpc(status.RESOURCE_EXHAUSTED, message, "[quota-exceeded]"));
  });

  it("refuses to work with a bad configuration", async () => {
    await assert.rejects(
      client.configure({ region: "mars" }),
      grpc(status.INVALID_ARGUMENT, '"mars" is not a region', "[configuration-invalid]"),
    );
  });

  it("reports a bad configuration at once", async () => {
    const { failures } = await client.checkConfig({ region: "mars", endpoints: '{"s3":"x","sqs":"y"}', bogus: "z" });
    assert.deepEqual(failures.map(({ property }) => property).sort(), ["bogus", "endpoints.s3", "endpoints.sqs", "region"]);
  });

  it("says which step failed and what it wrote, the phase and the log, and nothing of the build arguments", async () => {
    const urn = imageUrn("failing");
    const inputs = await checked(urn, {
      context: context("ARG PASSWORD\nRUN echo this went wrong >&2; exit 9\n"),
      buildArgs: { PASSWORD: "hush" },
    });
    await assert.rejects(
      client.create(urn, inputs),
      grpc(
        status.FAILED_PRECONDITION,
        "[3/3] RUN echo this went wrong",
        "| this went wrong",
        "phase BUILD: COMMAND_EXECUTION_ERROR: exit status 1",
        `log ${world.endpoint}/`,
        "[build-failed]",
      ),
    );
    await assert.rejects(client.create(urn, inputs), (error: ServiceError) => !error.details.includes("hush"));
    assert.equal(await started(), 2, "after a failure a new build starts");
  });

  it("names the project, the bucket and the repository that do not exist, and starts nothing", async () => {
    const folder = context();
    const cases: readonly (readonly [news: Json, text: string, code: string])[] = [
      [{ project: "nowhere" }, '"nowhere" is not a CodeBuild project', "[project-missing]"],
      [{ contextBucket: "nowhere-at-all" }, '"nowhere-at-all" is not a bucket', "[bucket-missing]"],
      [{ repositoryUrl: `${world.registry}/nowhere` }, 'nowhere" does not exist', "[repository-missing]"],
    ];
    for (const [news, text, code] of cases) {
      const inputs = await checked(imageUrn("missing"), { context: folder, ...news });
      await assert.rejects(client.create(imageUrn("missing"), inputs), grpc(status.NOT_FOUND, text, code));
    }
    assert.equal(await started(), 0);
  });

  it("does not build where it must not", async () => {
    const urn = imageUrn("fail");
    const inputs = await checked(urn, { context: context(), onMissing: "fail" });
    engine.log.length = 0;
    await client.create(urn, inputs, { preview: true });
    assert.ok(engine.log.some((line) => line.severity === severity.WARNING && line.message.includes("onMissing")));
    await assert.rejects(client.create(urn, inputs), grpc(status.FAILED_PRECONDITION, "nothing is built here", "[image-missing]"));
    assert.equal(await started(), 0);
  });

  it("stops its build when the time is up, and says so", async () => {
    const urn = imageUrn("slow");
    const inputs = await checked(urn, { context: context("RUN sleep 60\n") });
    await assert.rejects(client.create(urn, inputs, { timeout: 3 }), grpc(status.DEADLINE_EXCEEDED, "after 3 s", "[deadline-exceeded]"));
    assert.equal((await newestBuild()).status, "STOPPED");
  });

  it("refuses a context that changed between check and create", async () => {
    const urn = imageUrn("racing");
    const folder = context();
    const inputs = await checked(urn, { context: folder });
    fill(folder, { note: "other" });
    await assert.rejects(client.create(urn, inputs), grpc(status.ABORTED, '"note" changed'));
    await nextRun();
    await assert.rejects(client.create(urn, inputs), grpc(status.ABORTED, "no longer those that were checked"));
    assert.equal(await started(), 0);
  });

  it("remembers on disk what files held, unless contextCache is off", async () => {
    const cached = async (contextCache: JavaScriptValue): Promise<string[]> => {
      const home = makeFolder();
      const other = await startProvider({ engine, env: { ...world.env, XDG_CACHE_HOME: home }, config: { ...config(), contextCache } });
      try {
        const { failures } = await other.client.check(imageUrn("cached"), { repositoryUrl: world.repositoryUrl, context: context() });
        assert.deepEqual(failures, []);
        return readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".stat"));
      } finally {
        await other.stop();
      }
    };
    assert.equal((await cached(null)).length, 1);
    for (const on of [true, "true"]) assert.equal((await cached(on)).length, 1);
    for (const off of [false, "false"]) assert.deepEqual(await cached(off), []);
    const { failures } = await client.checkConfig({ contextCache: "maybe" });
    assert.deepEqual(
      failures.map(({ property }) => property),
      ["contextCache"],
    );
  });

  it("goes on under throttling, resets and late tags, with one build", async () => {
    const before = (await newestBuild()).id;
    await world.setFaults([
      { call: "codebuild:StartBuild", times: 1, error: { code: "ThrottlingException", message: "Rate exceeded" } },
      { call: "codebuild:StartBuild", times: 1, reset: true, afterwards: true },
      { call: "codebuild:BatchGetBuilds", times: 2, reset: true },
      { call: "codebuild:BatchGetBuilds", times: 2, error: { code: "ThrottlingException", message: "Rate exceeded" } },
      { call: "s3:PutObject", times: 1, error: { code: "SlowDown", status: 503 } },
      { call: "logs:*", error: { code: "ServiceUnavailableException", status: 503 } },
      { call: "ecr:GetDownloadUrlForLayer", times: 1, error: { code: "ServerException", status: 500 } },
    ]);
    const urn = imageUrn("faulty");
    const { state } = await client.create(urn, await checked(urn, { context: context() }));
    assert.equal(state["outcome"], "built");
    const { id } = await newestBuild();
    assert.notEqual(id, before);
    assert.equal(id, state["buildId"], "the build a cut-off answer started is the one that was followed");
  });

  it("names the denied call and what to do", async () => {
    await world.setFaults([
      { call: "codebuild:ListBuildsForProject", error: { code: "AccessDeniedException", message: "User is not authorized", status: 400 } },
    ]);
    const urn = imageUrn("denied");
    const inputs = await checked(urn, { context: context() });
    await assert.rejects(
      client.create(urn, inputs),
      grpc(status.PERMISSION_DENIED, "codebuild:ListBuildsForProject", "grant the named action", "[access-denied]"),
    );
  });

  it("says that credentials have expired", async () => {
    await world.setFaults([
      {
        call: "ecr:*",
        error: { code: "ExpiredTokenException", message: "The security token included in the request is expired", status: 400 },
      },
    ]);
    const urn = imageUrn("expired");
    const inputs = await checked(urn, { context: context() });
    await assert.rejects(client.create(urn, inputs), grpc(status.UNAUTHENTICATED, "expired", "sign in again", "[credentials-unusable]"));
  });

  it("builds what two resources ask for at once one time", async () => {
    const folder = context("RUN sleep 1\n");
    const urns = ["twin-a", "twin-b"].map(imageUrn);
    const made = await Promise.all(urns.map(async (urn) => client.create(urn, await checked(urn, { context: folder }))));
    assert.equal(made[0]?.state["digest"], made[1]?.state["digest"]);
    assert.notEqual(made[0]?.id, made[1]?.id);
    assert.equal(made[0]?.state["buildId"], made[1]?.state["buildId"], "the same build");
  });

  it("adopts the build of a plugin that was killed", async () => {
    const urn = imageUrn("killed");
    const inputs = await checked(urn, { context: context("RUN sleep 3\n") });
    engine.log.length = 0;
    const lost = client.create(urn, inputs);
    lost.catch(() => undefined);
    await untilRunning();
    const { id } = await newestBuild();
    await provider.stop("SIGKILL");
    await assert.rejects(lost);
    assert.equal(await started(), 1);
    await start();
    await world.resetCalls();
    const { state } = await client.create(urn, inputs);
    assert.equal(state["outcome"], "adopted");
    assert.equal(state["buildId"], id);
    assert.equal(await started(), 0, "one build in all");
    assert.equal((await world.calls())["codebuild:ListBuildsForProject"], 1, "one page is enough");
  });

  it("leaves when the engine is gone, and leaves the build running", async () => {
    const urn = imageUrn("orphan");
    const inputs = await checked(urn, { context: context("RUN sleep 2\n") });
    engine.log.length = 0;
    client.create(urn, inputs).catch(() => undefined);
    await untilRunning();
    provider.process.stdin?.end();
    assert.equal(await provider.exited, 0);
    assert.equal((await newestBuild()).status, "IN_PROGRESS");
    await start();
    assert.equal((await client.create(urn, inputs)).state["outcome"], "adopted");
  });

  it("stops its builds on Cancel, and answers the calls that come after", async () => {
    const urn = imageUrn("cancelled");
    const inputs = await checked(urn, { context: context("RUN sleep 60\n") });
    engine.log.length = 0;
    const running = client.create(urn, inputs);
    running.catch(() => undefined);
    await untilRunning();
    const at = performance.now();
    await client.cancel();
    await assert.rejects(running, grpc(status.CANCELLED, "[cancelled]"));
    assert.ok(performance.now() - at < 5000);
    assert.equal((await newestBuild()).status, "STOPPED");
    await assert.rejects(client.create(urn, inputs), grpc(status.CANCELLED));
    // A new engine attaches: the earlier one's Cancel is over.
    await client.handshake(engine.address);
    assert.equal((await client.check(urn, inputs, inputs)).failures.length, 0);
  });

  it("remembers a build that could not be stopped", async () => {
    const urn = imageUrn("unstoppable");
    const inputs = await checked(urn, { context: context("RUN sleep 8\n") });
    await world.setFaults([{ call: "codebuild:StopBuild", error: { code: "AccessDeniedException", message: "no", status: 400 } }]);
    engine.log.length = 0;
    const running = client.create(urn, inputs);
    running.catch(() => undefined);
    await untilRunning();
    await client.cancel();
    await assert.rejects(running, (error: ServiceError) => {
      assert.ok(error.details.includes("may still be running") && error.details.includes("[build-not-stopped]"), error.details);
      assert.equal(error.metadata.get("grpc-status-details-bin").length, 1, "the engine is told what to keep");
      return true;
    });
    await client.handshake(engine.address);
  });

  it("stops its builds and is gone on SIGINT", async () => {
    await world.setFaults([]);
    const urn = imageUrn("interrupted");
    const inputs = await checked(urn, { context: context("RUN sleep 60\n") });
    engine.log.length = 0;
    client.create(urn, inputs).catch(() => undefined);
    await untilRunning();
    const at = performance.now();
    await provider.stop("SIGINT");
    assert.ok(performance.now() - at < 5000);
    assert.equal((await newestBuild()).status, "STOPPED");
    await start();
  });
});
