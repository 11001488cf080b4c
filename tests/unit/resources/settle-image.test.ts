import assert from "node:assert/strict";
import sinon from "sinon";
import type { BuildBackend } from "../../../provider/src/build/build-backend.ts";
import { createWatcher } from "../../../provider/src/build/watcher.ts";
import { createContextReader } from "../../../provider/src/context/context-reader.ts";
import type { ContextStore } from "../../../provider/src/context/context-store.ts";
import { hasCode } from "../../../provider/src/errors/cloudbuild-error.ts";
import { parsePlatform } from "../../../provider/src/image/platform.ts";
import { parseRepository } from "../../../provider/src/image/repository.ts";
import { checkImage } from "../../../provider/src/resources/image/check-image.ts";
import type { ImageDeps } from "../../../provider/src/resources/image/image-deps.ts";
import { planImage, type ImagePlan } from "../../../provider/src/resources/image/image-plan.ts";
import { settleImage } from "../../../provider/src/resources/image/settle-image.ts";
import type { PropertyMap } from "../../../provider/src/resources/property-value.ts";
import { systemClock } from "../../../provider/src/support/clock.ts";
import { makeFolder, removeFolders } from "../../support/folder.ts";
import { memoryBackend } from "../../support/memory-backend.ts";
import { memoryRegistry } from "../../support/memory-registry.ts";
import { recordedOperation } from "../../support/operation.ts";

const repository = parseRepository("127.0.0.1:1/app");
const amd64 = parsePlatform("linux/amd64");

describe("the conductor", () => {
  afterEach(removeFolders);

  /** A cloud in memory whose builds push what they say, and a spy on each thing that costs. */
  async function scene(options: { stored?: boolean; inputs?: PropertyMap; broken?: number } = {}) {
    const registry = memoryRegistry(["app"]);
    const backend = memoryBackend({ clock: systemClock, projects: ["builder"], seconds: 0.05 });
    const push = (tag: string) => registry.push(repository, tag, "application/vnd.oci.image.manifest.v1+json", [amd64], [tag]);
    const start = sinon.stub<Parameters<BuildBackend["start"]>, ReturnType<BuildBackend["start"]>>().callsFake(async (request, ...rest) => {
      push(request.contentTag);
      return backend.start(request, ...rest);
    });
    const release = sinon.stub<Parameters<BuildBackend["release"]>, Promise<void>>().resolves();
    const put = sinon.stub<Parameters<ContextStore["put"]>, Promise<void>>().resolves();
    const store: ContextStore = {
      bucket: "contexts",
      stat: async () => (options.stored === true ? { size: 1, etag: "1" } : undefined),
      get: async () => undefined,
      put,
      replace: async () => assert.fail("a small context leaves no record"),
    };
    const observe: BuildBackend["observe"] = async (ids, signal) => {
      const broken = { kind: "failed", seconds: 1, messages: ["exit status 79"], contextBroken: true } as const;
      const seen = await backend.observe(ids, signal);
      return new Map([...seen].map(([id, observation]) => [id, Number(id.split(":")[1]) <= (options.broken ?? 0) ? broken : observation]));
    };
    const watched: BuildBackend = { ...backend, start, release, observe };
    const follower = { follow() {}, unfollow() {}, async poll() {} };
    const deps: ImageDeps = {
      clock: systemClock,
      baseDir: "/",
      defaults: { project: "builder", contextBucket: "contexts" },
      contexts: createContextReader(),
      customEndpoint: true,
      cloudFor: () => ({
        registry,
        backend: watched,
        follower,
        watcher: createWatcher({ backend: watched, clock: systemClock, follower }),
        contextStore: () => store,
      }),
    };
    const news = { repositoryUrl: repository.url, context: makeFolder({ Dockerfile: "FROM scratch\n" }), ...options.inputs };
    const { inputs, failures } = await checkImage({ news, olds: {} }, deps, recordedOperation());
    assert.deepEqual(failures, []);
    const plan: ImagePlan = planImage(inputs, deps.defaults);
    return { plan, push, start, put, release, backend, settle: () => settleImage(plan, deps, recordedOperation()) };
  }

  it("reuses what is there: nothing is shipped, nothing is started", async () => {
    const { plan, push, start, put, settle } = await scene();
    const { digest } = push(plan.contentTag);
    assert.deepEqual(await settle(), { digest, outcome: "reused" });
    sinon.assert.notCalled(start);
    sinon.assert.notCalled(put);
  });

  it("ships what the bucket lacks, and nothing that it has", async () => {
    const [lacking, having] = [await scene(), await scene({ stored: true })];
    assert.equal((await lacking.settle()).outcome, "built");
    assert.deepEqual(lacking.put.args.map(([key]) => key.split("/")[1]).sort(), ["contexts", "dockerfiles", "manifests"]);
    assert.equal((await having.settle()).outcome, "built");
    sinon.assert.notCalled(having.put);
    sinon.assert.calledOnce(having.start);
  });

  it("asks once more when the answer is a build that is over, naming it", async () => {
    const { start, settle } = await scene();
    start.onFirstCall().resolves({ id: "builder:over", settled: true });
    assert.equal((await settle()).outcome, "built");
    assert.deepEqual(
      start.args.map(([, previous]) => previous),
      [undefined, "builder:over"],
    );
  });

  it("adopts a build that is over already when it has pushed the image meanwhile", async () => {
    const { start, settle, backend, plan, push } = await scene();
    start.callsFake(async (request) => {
      const { id } = await backend.start(request, undefined, recordedOperation());
      while ((await backend.observe([id], recordedOperation().signal)).get(id)?.kind === "running") await systemClock.sleep(10);
      push(plan.contentTag);
      return { id, settled: true };
    });
    assert.equal((await settle()).outcome, "adopted");
    sinon.assert.calledOnce(start);
    assert.equal(backend.size, 1);
  });

  it("does not ask a third time for a build that is over", async () => {
    const { start, settle } = await scene();
    start.resolves({ id: "builder:over", settled: true });
    await assert.rejects(settle(), (error) => hasCode(error, "build-lost"));
    sinon.assert.calledTwice(start);
  }).timeout(30_000);

  it("builds once more, naming the failed build, when a context could not be put together; and only once", async () => {
    const { start, settle, backend } = await scene({ broken: 1 });
    const { outcome, build } = await settle();
    assert.equal(outcome, "built");
    assert.equal(build?.id, "builder:2");
    assert.deepEqual(
      start.args.map(([, previous]) => previous),
      [undefined, "builder:1"],
    );
    assert.equal(backend.size, 2);

    const hopeless = await scene({ broken: 9 });
    await assert.rejects(hopeless.settle(), (error) => hasCode(error, "context-unassembled"));
    assert.equal(hopeless.backend.size, 2);
  });

  it("takes parked secrets away when the build failed, and when they were parked twice", async () => {
    const secrets = { token: { value: "hush" } };
    const failing = await scene({ inputs: { secrets, buildArgs: { FAIL: "1" } } });
    await assert.rejects(failing.settle(), (error) => hasCode(error, "build-failed"));
    assert.deepEqual(
      failing.release.args.map(([, previous]) => previous),
      [undefined],
    );

    const again = await scene({ inputs: { secrets } });
    again.start.onFirstCall().resolves({ id: "builder:over", settled: true });
    await again.settle();
    assert.deepEqual(
      again.release.args.map(([, previous]) => previous),
      [undefined, "builder:over"],
    );

    const none = await scene();
    await none.settle();
    sinon.assert.notCalled(none.release);
  });

  it("ships nothing and starts nothing where nothing may be built", async () => {
    const { start, put, settle } = await scene({ inputs: { onMissing: "fail" } });
    await assert.rejects(settle(), (error) => hasCode(error, "image-missing"));
    sinon.assert.notCalled(start);
    sinon.assert.notCalled(put);
  });
});
