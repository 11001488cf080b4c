import assert from "node:assert/strict";
import { status, type ServiceError } from "@grpc/grpc-js";
import { run } from "../support/cloud-process.ts";
import { imageUrn, startFakeEngine, unknownSentinel, type EngineClient, type FakeEngine, type Json } from "../support/fake-engine.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { startProvider, type ProviderProcess } from "../support/provider-process.ts";

const platforms = ["linux/amd64", "linux/arm64"];

describe("an image of two platforms over gRPC", () => {
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
  beforeEach(async () => {
    engine.log.length = 0;
    await world.resetCalls();
  });

  async function start(): Promise<void> {
    const { project, bucket, env } = world;
    provider = await startProvider({ engine, env, config: { project, contextBucket: bucket } });
    client = provider.client;
  }

  /** Inputs of content that no other test builds. The command runs on this machine's platform, and knows for which one. */
  async function inputsFor(urn: string, command = "true", news: Json = {}): Promise<Json> {
    names += 1;
    const dockerfile = `FROM --platform=$BUILDPLATFORM ${world.base} AS made\nARG TARGETARCH\nRUN ${command}; echo $TARGETARCH ${names} > /made\nFROM scratch\nCOPY --from=made /made /made\n`;
    const context = makeFolder({ Dockerfile: dockerfile });
    const { inputs, failures } = await client.check(urn, { repositoryUrl: world.repositoryUrl, context, platforms, ...news });
    assert.deepEqual(failures, []);
    return inputs;
  }

  const aws = (...args: string[]): unknown => JSON.parse(run("aws", ["codebuild", ...args, "--output", "json"], world.env));
  const buildIds = (): string[] => (aws("list-builds") as { ids: string[] }).ids;

  /** The newest two. */
  function builds(): { id: string; buildStatus: string; currentPhase: string }[] {
    const ids = buildIds();
    return ids.length === 0 ? [] : (aws("batch-get-builds", "--ids", ...ids.slice(0, 2)) as { builds: ReturnType<typeof builds> }).builds;
  }

  async function untilBothBuild(): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      const live = builds().filter(({ buildStatus, currentPhase }) => buildStatus === "IN_PROGRESS" && currentPhase === "BUILD");
      if (live.length === 2) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("the two builds do not run");
  }

  it("is previewed, created, read, imported, looked up, and reused by another", async () => {
    const urn = imageUrn("two");
    // The live line changes once a second at most.
    const inputs = await inputsFor(urn, "sleep 2", { tags: ["two"] });
    const preview = await client.create(urn, inputs, { preview: true });
    assert.deepEqual([preview.state["digest"], preview.state["platformDigests"]], [unknownSentinel, unknownSentinel]);
    assert.deepEqual(Object.keys(await world.calls()), ["ecr:BatchGetImage"]);

    const { id, state } = await client.create(urn, inputs);
    const platformDigests = state["platformDigests"] as Record<string, string>;
    assert.deepEqual(Object.keys(platformDigests).sort(), platforms);
    const live = engine.log.filter(({ ephemeral }) => ephemeral).map(({ message }) => message);
    assert.ok(
      live.some((line) => /^linux\/amd64: .* \| linux\/arm64: /.test(line)),
      live.join("\n"),
    );
    assert.equal(live.at(-1), "");
    assert.deepEqual(await client.read(urn, id, state, inputs), { id, state, inputs });

    const known = await client.create(imageUrn("again"), inputs, { preview: true });
    const reused = await client.create(imageUrn("again"), inputs);
    for (const { state: again } of [known, reused]) {
      assert.deepEqual([again["digest"], again["platformDigests"], again["outcome"]], [state["digest"], platformDigests, "reused"]);
    }

    const imported = await client.read(imageUrn("imported"), `${world.repositoryUrl}:two`);
    assert.deepEqual(imported.inputs, { repositoryUrl: world.repositoryUrl, tags: ["two"] });
    for (const name of ["digest", "platformDigests", "contentTag"]) assert.deepEqual(imported.state?.[name], state[name], name);
    const child = await client.read(imageUrn("child"), `${world.repositoryUrl}@${platformDigests["linux/arm64"]}`);
    assert.deepEqual(
      [child.inputs, child.state?.["contentTag"], child.state?.["platformDigests"]],
      [{ repositoryUrl: world.repositoryUrl }, undefined, { "linux/arm64": platformDigests["linux/arm64"] }],
      "a child tag is neither a content tag nor one of the program's",
    );

    const lookUp = async (reference: Json) =>
      (await client.invoke("cloudbuild:index:getImage", { repositoryUrl: world.repositoryUrl, ...reference })).result;
    const about = await lookUp({ contentHash: String(inputs["contentHash"]) });
    assert.deepEqual(
      [about?.["digest"], about?.["platforms"], about?.["platformDigests"], about?.["tags"], about?.["contentTag"]],
      [state["digest"], platforms, platformDigests, ["two"], state["contentTag"]],
    );
    const aboutChild = await lookUp({ tag: `${String(state["contentTag"])}-linux-arm64` });
    assert.deepEqual([aboutChild?.["platforms"], aboutChild?.["tags"], aboutChild?.["contentTag"]], [["linux/arm64"], [], undefined]);
  });

  it("in the archive is neither imported nor looked up, and said to be there", async () => {
    const urn = imageUrn("archived");
    const inputs = await inputsFor(urn, "true", { tags: ["archived"] });
    const { state } = await client.create(urn, inputs);
    const image = ["--repository-name", "app", "--image-id", "imageTag=archived"];
    run("aws", ["ecr", "update-image-storage-class", ...image, "--target-storage-class", "ARCHIVE"], world.env);
    const refused = (error: ServiceError) => error.code === status.FAILED_PRECONDITION && error.details.includes("[image-archived]");
    const lookUp = { repositoryUrl: world.repositoryUrl, tag: "archived" };
    await assert.rejects(client.invoke("cloudbuild:index:getImage", lookUp), refused);
    await assert.rejects(client.read(imageUrn("imported"), `${world.repositoryUrl}:archived`), refused);
    await assert.rejects(client.read(imageUrn("imported"), String(state["imageUri"])), refused);
    const retagged = { ...inputs, tags: ["archived", "more"] };
    await assert.rejects(client.update(urn, "id", { state, oldInputs: inputs, newInputs: retagged }), refused);
  });

  it("that fails for one platform says which and why, once, and stops the other build", async () => {
    const urn = imageUrn("half");
    const inputs = await inputsFor(urn, 'if [ "$TARGETARCH" = arm64 ]; then echo no arms >&2; exit 9; fi; sleep 60');
    await assert.rejects(client.create(urn, inputs), (error: ServiceError) => {
      assert.equal(error.code, status.FAILED_PRECONDITION);
      assert.match(error.details, /^linux\/arm64: build ".*" failed at step \[made 2\/2\] RUN/);
      assert.ok(error.details.includes("| no arms"), error.details);
      assert.equal(error.details.split("failed at step").length, 2);
      return true;
    });
    assert.deepEqual(
      builds()
        .map(({ buildStatus }) => buildStatus)
        .sort(),
      ["FAILED", "STOPPED"],
    );
  });

  it("is stopped on Cancel, every build of it", async () => {
    const urn = imageUrn("cancelled");
    const inputs = await inputsFor(urn, "sleep 60");
    const running = client.create(urn, inputs);
    running.catch(() => undefined);
    await untilBothBuild();
    await client.cancel();
    await assert.rejects(running, (error: ServiceError) => error.code === status.CANCELLED && error.details.includes("[cancelled]"));
    assert.deepEqual(
      builds().map(({ buildStatus }) => buildStatus),
      ["STOPPED", "STOPPED"],
    );
    await client.handshake(engine.address);
  });

  it("is adopted after kill -9 of the plugin: two builds in all", async () => {
    const urn = imageUrn("killed");
    const inputs = await inputsFor(urn, "sleep 4");
    const lost = client.create(urn, inputs);
    lost.catch(() => undefined);
    await untilBothBuild();
    await provider.stop("SIGKILL");
    await assert.rejects(lost);
    await start();
    const { state } = await client.create(urn, inputs);
    assert.equal(state["outcome"], "adopted");
    assert.equal((await world.calls())["codebuild:StartBuild"], 2);
  });

  it("is built one time for two resources that ask at once", async () => {
    const urns = ["twin-a", "twin-b"].map(imageUrn);
    const inputs = await inputsFor(urns[0] ?? "", "sleep 1");
    const earlier = buildIds().length;
    const [one, two] = await Promise.all(urns.map((urn) => client.create(urn, inputs)));
    assert.deepEqual(one?.state["platformDigests"], two?.state["platformDigests"]);
    assert.equal(one?.state["digest"], two?.state["digest"]);
    assert.equal(buildIds().length - earlier, 2, "one for each platform");
  });
});
