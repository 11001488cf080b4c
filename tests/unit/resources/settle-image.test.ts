import assert from "node:assert/strict";
import sinon from "sinon";
import type { BuildBackend } from "../../../provider/src/build/build-backend.ts";
import { createWatcher } from "../../../provider/src/build/watcher.ts";
import { createContextReader } from "../../../provider/src/context/files/context-reader.ts";
import type { ContextStore } from "../../../provider/src/context/shipping/context-store.ts";
import { hasCode } from "../../../provider/src/errors/cloudbuild-error.ts";
import { formatPlatform, parsePlatform } from "../../../provider/src/image/platform.ts";
import { digestOf } from "../../../provider/src/image/digest.ts";
import { parseRepository } from "../../../provider/src/image/repository.ts";
import { childTag } from "../../../provider/src/image/tag.ts";
import { imageIndex } from "../../../provider/src/registry/image-index.ts";
import { checkImage } from "../../../provider/src/resources/image/check-image.ts";
import type { ImageDeps } from "../../../provider/src/resources/image/image-deps.ts";
import { planImage, type ImagePlan } from "../../../provider/src/resources/image/image-plan.ts";
import { previewImage } from "../../../provider/src/resources/image/preview-image.ts";
import { settleImage } from "../../../provider/src/resources/image/settle-image.ts";
import type { PropertyMap } from "../../../provider/src/resources/property-value.ts";
import { systemClock } from "../../../provider/src/support/clock.ts";
import { testSources } from "../../support/test-sources.ts";
import type { Operation } from "../../../provider/src/support/operation.ts";
import { buildRequest } from "../../support/build-request.ts";
import { makeFolder, removeFolders } from "../../support/folder.ts";
import { memoryBackend } from "../../support/memory-backend.ts";
import { memoryRegistry } from "../../support/memory-registry.ts";
import { recordedOperation } from "../../support/operation.ts";

const repository = parseRepository("127.0.0.1:1/app");
const [amd64, arm64] = [parsePlatform("linux/amd64"), parsePlatform("linux/arm64")];

describe("the conductor", () => {
  afterEach(removeFolders);

  /** A cloud in memory whose builds push what they say, and a spy on each thing that costs. `argsOf`: more build args, by platform. */
  async function scene(
    options: {
      stored?: boolean;
      inputs?: PropertyMap;
      broken?: number;
      argsOf?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    } = {},
  ) {
    const registry = memoryRegistry(["app"]);
    const backend = memoryBackend({ clock: systemClock, projects: ["builder"], seconds: 0.05 });
    const push = (tag: string, platform = amd64) =>
      registry.push(repository, tag, "application/vnd.oci.image.manifest.v1+json", [platform], [tag]);
    const start = sinon.stub<Parameters<BuildBackend["start"]>, ReturnType<BuildBackend["start"]>>().callsFake(async (request, ...rest) => {
      push(request.contentTag, request.platform);
      const buildArgs = { ...request.buildArgs, ...options.argsOf?.[formatPlatform(request.platform)] };
      return backend.start({ ...request, buildArgs }, ...rest);
    });
    const stop = sinon.spy((...args: Parameters<BuildBackend["stop"]>) => backend.stop(...args));
    const release = sinon.stub<Parameters<BuildBackend["release"]>, Promise<void>>().resolves();
    const put = sinon.stub<Parameters<ContextStore["put"]>, Promise<void>>().resolves();
    const store: ContextStore = {
      bucket: "contexts",
      stat: async () => (options.stored === true ? { size: 1, etag: "1" } : undefined),
      get: async () => undefined,
      put,
      putInTurn: () => assert.fail("a small context waits for nobody"),
      replace: async () => assert.fail("a small context leaves no record"),
    };
    const observe: BuildBackend["observe"] = async (ids, signal) => {
      const broken = { kind: "failed", seconds: 1, messages: ["exit status 79"], contextBroken: true } as const;
      const seen = await backend.observe(ids, signal);
      return new Map([...seen].map(([id, observation]) => [id, Number(id.split(":")[1]) <= (options.broken ?? 0) ? broken : observation]));
    };
    const watched = { ...backend, start, release, observe, stop: (...args: Parameters<BuildBackend["stop"]>) => stop(...args) };
    const follower = { follow() {}, unfollow() {}, async poll() {} };
    const deps: ImageDeps = {
      clock: systemClock,
      baseDir: "/",
      defaults: { project: "builder", contextBucket: "contexts" },
      ...testSources(createContextReader()),
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
    const preview = () => previewImage(inputs, deps, recordedOperation());
    const settle = (operation: Operation = recordedOperation()) => settleImage(plan, deps, operation);
    return { plan, push, start, stop, put, release, registry, backend: watched, others: backend, preview, settle };
  }

  it("reuses what is there: nothing is shipped, nothing is started", async () => {
    const { plan, push, start, put, settle } = await scene();
    const { digest } = push(plan.contentTag);
    assert.deepEqual(await settle(), { digest, platformDigests: { "linux/amd64": digest }, outcome: "reused" });
    sinon.assert.notCalled(start);
    sinon.assert.notCalled(put);
  });

  it("reuses an image that was built under an earlier scheme of hashing, says so in the preview, and tags it anew", async () => {
    const { plan, push, start, settle, preview, registry } = await scene();
    const [earlier, ...others] = plan.earlierTags;
    assert.ok(earlier !== undefined && others.length === 0 && earlier !== plan.contentTag);
    const { digest } = push(earlier);
    assert.equal((await preview())["digest"], digest);
    assert.deepEqual(await settle(), { digest, platformDigests: { "linux/amd64": digest }, outcome: "reused" });
    sinon.assert.notCalled(start);
    const { signal } = recordedOperation();
    assert.equal((await registry.find(repository, { tag: plan.contentTag }, signal))?.digest, digest);
  });

  it("ships what the bucket lacks, and nothing that it has", async () => {
    const [lacking, having] = [await scene(), await scene({ stored: true })];
    assert.equal((await lacking.settle()).outcome, "built");
    assert.deepEqual(lacking.put.args.map(([key]) => key.split("/")[1]).sort(), ["contexts", "manifests"]);
    assert.deepEqual(lacking.start.args[0]?.[0].dockerfile, { kind: "inContext", path: "Dockerfile" });
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
    const { start, settle, others: backend, plan, push } = await scene();
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
    const { start, settle, others: backend } = await scene({ broken: 1 });
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
    assert.equal(hopeless.others.size, 2);
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
    const { start, put, settle, plan, push, registry } = await scene({ inputs: { onMissing: "fail" } });
    await assert.rejects(settle(), (error) => hasCode(error, "image-missing"));
    registry.setStatus(repository, push(plan.contentTag).digest, "archived");
    await assert.rejects(settle(), (error) => hasCode(error, "image-archived"));
    sinon.assert.notCalled(start);
    sinon.assert.notCalled(put);
  });

  it("neither reuses nor builds what is archived, and says how far it is back", async () => {
    const { plan, push, registry, start, settle } = await scene();
    const { digest } = push(plan.contentTag);
    for (const [status, text] of [
      ["archived", "is in ECR's archive"],
      ["activating", "is being restored"],
    ] as const) {
      registry.setStatus(repository, digest, status);
      await assert.rejects(settle(), (error) => hasCode(error, "image-archived") && error.message.includes(text));
    }
    sinon.assert.notCalled(start);
  });

  describe("for several platforms", () => {
    const inputs: PropertyMap = { platforms: ["linux/arm64", "linux/amd64"] };

    it("builds each on its own, ships the context once, and puts the index", async () => {
      const { plan, registry, start, put, settle } = await scene({ inputs });
      const settled = await settle();
      assert.deepEqual(start.args.map(([{ contentTag, platform }]) => [contentTag, formatPlatform(platform)]).sort(), [
        [`${plan.contentTag}-linux-amd64`, "linux/amd64"],
        [`${plan.contentTag}-linux-arm64`, "linux/arm64"],
      ]);
      assert.equal(put.args.length, 2, "one context, one manifest");
      const index = await registry.find(repository, { tag: plan.contentTag }, AbortSignal.timeout(1000));
      assert.equal(settled.digest, index?.digest);
      assert.deepEqual(settled.platformDigests, {
        "linux/amd64": digestOf(`${plan.contentTag}-linux-amd64`),
        "linux/arm64": digestOf(`${plan.contentTag}-linux-arm64`),
      });
      assert.equal(settled.outcome, "built");
      assert.match(settled.build?.id ?? "", /^builder:[12]$/);
      assert.deepEqual(await settle(), { digest: settled.digest, platformDigests: settled.platformDigests, outcome: "reused" });
      assert.equal(start.args.length, 2);
    });

    it("builds only the child that is missing, and only puts the index when none is", async () => {
      const one = await scene({ inputs });
      one.push(childTag(one.plan.contentTag, amd64), amd64);
      assert.equal((await one.settle()).outcome, "built");
      assert.deepEqual(
        one.start.args.map(([{ platform }]) => platform),
        [arm64],
      );
      const all = await scene({ inputs });
      for (const platform of [amd64, arm64]) all.push(childTag(all.plan.contentTag, platform), platform);
      const { outcome, build } = await all.settle();
      assert.deepEqual([outcome, build], ["reused", undefined]);
      sinon.assert.notCalled(all.start);
      sinon.assert.notCalled(all.put);
    });

    it("adopts what is running, and starts the rest", async () => {
      const { plan, push, start, others, settle } = await scene({ inputs });
      const contentTag = childTag(plan.contentTag, arm64);
      const request = buildRequest({ project: "builder", repository, contentTag, platform: arm64, buildArgs: { SECONDS: "1" } });
      const { id } = await others.start(request, undefined, recordedOperation());
      const operation = recordedOperation();
      const settled = settle(operation);
      await untilCalled(start, 1);
      push(contentTag, arm64);
      const { outcome, build } = await settled;
      assert.deepEqual([outcome, build?.id], ["built", id], "of two builds, the last to end");
      assert.deepEqual(
        start.args.map(([{ platform }]) => platform),
        [amd64],
      );
      assert.ok(operation.said.some(({ text }) => text.startsWith(`linux/arm64: adopted build ${id}`)));
    });

    it("stops the other build when one fails, and says once which failed", async () => {
      const argsOf = { "linux/arm64": { FAIL: "1" }, "linux/amd64": { SECONDS: "60" } };
      const { stop, registry, plan, backend, settle } = await scene({ inputs, argsOf });
      const operation = recordedOperation();
      await assert.rejects(settle(operation), (error) => {
        assert.ok(hasCode(error, "build-failed"));
        assert.match(error.message, /^linux\/arm64: build "builder:\d" failed/);
        assert.equal(error.message.includes("amd64"), false);
        return true;
      });
      assert.equal(stop.callCount, 1);
      const stopped = stop.firstCall.args[0];
      assert.equal((await backend.observe([stopped], operation.signal)).get(stopped)?.kind, "stopped");
      assert.ok(operation.said.some(({ text }) => text === `linux/amd64: stopped build ${stopped}`));
      assert.equal(await registry.find(repository, { tag: plan.contentTag }, operation.signal), undefined, "no index over half of it");
    });

    it("lets a build go on that somebody else started, when another fails", async () => {
      const { plan, stop, others, settle } = await scene({ inputs, argsOf: { "linux/arm64": { FAIL: "1" } } });
      const contentTag = childTag(plan.contentTag, amd64);
      const request = buildRequest({ project: "builder", repository, contentTag, platform: amd64, buildArgs: { SECONDS: "60" } });
      const { id } = await others.start(request, undefined, recordedOperation());
      const operation = recordedOperation();
      await assert.rejects(settle(operation), (error) => hasCode(error, "build-failed"));
      assert.ok(operation.said.some(({ text }) => text.startsWith(`linux/amd64: adopted build ${id}`)));
      sinon.assert.notCalled(stop);
    });

    it("stops every build on a cancellation, and is cancelled", async () => {
      const { start, stop, settle } = await scene({ inputs, argsOf: sixtySeconds });
      const operation = recordedOperation();
      const settled = settle(operation);
      await untilCalled(start, 2);
      operation.abort(new Error("cancelled by the test"));
      await assert.rejects(settled, { message: "cancelled by the test" });
      assert.equal(new Set(stop.args.map(([id]) => id)).size, 2);
    });

    it("names every build that could not be stopped", async () => {
      const { start, backend, settle } = await scene({ inputs, argsOf: sixtySeconds });
      backend.stop = () => Promise.reject(new Error("no"));
      const operation = recordedOperation();
      const settled = settle(operation);
      await untilCalled(start, 2);
      operation.abort();
      await assert.rejects(settled, (error) => {
        assert.ok(hasCode(error, "build-not-stopped"));
        assert.match(
          error.message,
          /^linux\/\w+: build "builder:\d" may still be running.*\nlinux\/\w+: build "builder:\d" may still be running.*$/,
        );
        return true;
      });
    });

    it("tells the failure and the build that could not be stopped after it", async () => {
      const argsOf = { "linux/arm64": { FAIL: "1" }, "linux/amd64": { SECONDS: "60" } };
      const { backend, settle } = await scene({ inputs, argsOf });
      backend.stop = () => Promise.reject(new Error("no"));
      await assert.rejects(settle(), (error) => {
        assert.ok(hasCode(error, "build-not-stopped"));
        assert.match(error.message, /^linux\/arm64: build "builder:\d" failed/);
        assert.match(error.message, /\nlinux\/amd64: build "builder:\d" may still be running/);
        return true;
      });
    });

    it("does not put an index over what is none of its platforms' images", async () => {
      const { plan, push, registry, settle } = await scene({ inputs });
      const child = push(childTag(plan.contentTag, amd64), amd64);
      const nested = imageIndex([{ platform: amd64, image: child }]);
      await registry.put(repository, nested, childTag(plan.contentTag, amd64), AbortSignal.timeout(1000));
      await assert.rejects(settle(), (error) => hasCode(error, "image-unconfirmed") && error.hint.includes("--provenance false"));
    });

    it("refuses an archived index, and an archived child", async () => {
      const { plan, push, registry, start, settle } = await scene({ inputs });
      const children = [amd64, arm64].map((platform) => ({ platform, image: push(childTag(plan.contentTag, platform), platform) }));
      registry.setStatus(repository, children[0]?.image.digest ?? digestOf(""), "archived");
      await assert.rejects(settle(), (error) => hasCode(error, "image-archived") && error.message.startsWith("linux/amd64: "));
      registry.setStatus(repository, children[0]?.image.digest ?? digestOf(""), "active");
      const { digest } = await settle();
      registry.setStatus(repository, digest, "archived");
      await assert.rejects(settle(), (error) => hasCode(error, "image-archived") && error.message.startsWith('"127.0.0.1'));
      sinon.assert.notCalled(start);
    });
  });
});

const sixtySeconds = { "linux/arm64": { SECONDS: "60" }, "linux/amd64": { SECONDS: "60" } };

async function untilCalled(stub: sinon.SinonStub, times: number): Promise<void> {
  while (stub.callCount < times) await systemClock.sleep(5);
  // Started means that the answer was heard, too.
  await systemClock.sleep(20);
}
