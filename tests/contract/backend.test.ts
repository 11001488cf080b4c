import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createCodeBuildApi } from "../../provider/src/backends/codebuild/api.ts";
import { createCodeBuildBackend } from "../../provider/src/backends/codebuild/backend.ts";
import { createBuildLogs } from "../../provider/src/backends/codebuild/build-logs.ts";
import { createLogsApi } from "../../provider/src/backends/codebuild/logs-api.ts";
import { createParametersApi } from "../../provider/src/backends/codebuild/parameters-api.ts";
import { createParkedSecrets } from "../../provider/src/backends/codebuild/parked-secrets.ts";
import type { BuildBackend, BuildId, Observation } from "../../provider/src/build/build-backend.ts";
import type { BuildRequest } from "../../provider/src/build/build-request.ts";
import { createContextReader } from "../../provider/src/context/files/context-reader.ts";
import { createS3ContextStore } from "../../provider/src/context/shipping/s3-context-store.ts";
import { stageDockerfile, stageFolder } from "../../provider/src/context/shipping/stage-context.ts";
import { hasCode } from "../../provider/src/errors/cloudbuild-error.ts";
import { parseRepository } from "../../provider/src/image/repository.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { buildRequest } from "../support/build-request.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld } from "../support/local-world.ts";
import { memoryBackend } from "../support/memory-backend.ts";
import { recordedOperation } from "../support/operation.ts";

interface Subject {
  readonly backend: BuildBackend;
  /** A request for content no other test asks for; it builds for a second or so. */
  request(overrides?: Partial<BuildRequest>): Promise<BuildRequest>;
  close(): Promise<void>;
}

const { signal } = new AbortController();

let contents = 0;
function freshTag(): string {
  contents += 1;
  return `cb-${createHash("sha256").update(`${process.pid} ${contents}`).digest("hex").slice(0, 32)}`;
}

async function inMemory(): Promise<Subject> {
  return {
    backend: memoryBackend({ clock: systemClock, projects: ["builder"], seconds: 0.5 }),
    request: async (overrides) => buildRequest({ contentTag: freshTag(), ...overrides }),
    close: async () => undefined,
  };
}

/** CodeBuild through the SDK, on the local cloud, with everything a build really needs. */
async function onTheLocalCloud(): Promise<Subject> {
  const world = await startWorld(["--project", "builder"]);
  const config = { region: world.region, endpoint: world.endpoint, credentials: async () => ({ accessKeyId: "x", secretAccessKey: "y" }) };
  const store = createS3ContextStore({ config: { ...config, forcePathStyle: true }, bucket: world.bucket, clock: systemClock });
  const context = makeFolder({ Dockerfile: `FROM ${world.base}\nARG FAIL\nRUN sleep 0.5; test -z "$FAIL"\n` });
  const operation = recordedOperation();
  const { dockerfile, ...folder } = await createContextReader().resolve({ context, baseDir: "/" }, operation);
  const shipped = await stageFolder(folder, store, operation);
  const shippedDockerfile = await stageDockerfile(dockerfile, store, operation);
  const logs = createBuildLogs({ api: createLogsApi(config), clock: systemClock });
  return {
    backend: createCodeBuildBackend({
      api: createCodeBuildApi(config),
      logs,
      parked: createParkedSecrets({ api: createParametersApi(config), clock: systemClock }),
      clock: systemClock,
    }),
    request: async (overrides) => {
      const contentTag = freshTag();
      return buildRequest({
        contentTag,
        repository: parseRepository(world.repositoryUrl),
        context: { kind: "archive", ...shipped },
        dockerfile: { kind: "shipped", object: shippedDockerfile },
        labels: { content: contentTag },
        ...overrides,
      });
    },
    close: async () => {
      await world.stop();
      removeFolders();
    },
  };
}

for (const [name, open] of Object.entries({ "in memory": inMemory, "CodeBuild on the local cloud": onTheLocalCloud })) {
  describe(`the backend contract: ${name}`, () => {
    let subject: Subject;
    let backend: BuildBackend;
    before(async () => {
      subject = await open();
      ({ backend } = subject);
    });
    after(() => subject.close());

    async function settled(id: BuildId): Promise<Exclude<Observation, { kind: "running" }>> {
      for (let tries = 0; tries < 300; tries += 1) {
        const observation = (await backend.observe([id], signal)).get(id);
        if (observation !== undefined && observation.kind !== "running") return observation;
        await systemClock.sleep(100);
      }
      return assert.fail("the build does not end");
    }

    it("starts a build, shows it running with its log, and says what it pushed", async () => {
      const request = await subject.request();
      const { id, settled: over } = await backend.start(request, undefined, recordedOperation());
      assert.equal(over, false);
      const first = (await backend.observe([id], signal)).get(id);
      assert.equal(first?.kind, "running");
      const observation = await settled(id);
      assert.equal(observation.kind, "succeeded");
      assert.match(observation.digest ?? "", /^sha256:[0-9a-f]{64}$/);
      assert.ok(observation.seconds > 0.3 && observation.seconds < 60);
      assert.ok(observation.log);
      const events = await backend.logs.read(observation.log.group, [observation.log.stream], 0, signal);
      assert.equal(new Set(events.map((event) => event.id)).size, events.length);
      assert.ok(events.length > 0);
      assert.ok((await backend.logs.tail(observation.log, 400, signal)).some((line) => /^#\d+ \[/.test(line)));
    });

    it("answers an equal request with the same build, and after it is over says so", async () => {
      const request = await subject.request();
      const [one, two] = await Promise.all([
        backend.start(request, undefined, recordedOperation()),
        backend.start(request, undefined, recordedOperation()),
      ]);
      assert.equal(one.id, two.id);
      await settled(one.id);
      assert.deepEqual(await backend.start(request, undefined, recordedOperation()), { id: one.id, settled: true });
      const anew = await backend.start(request, one.id, recordedOperation());
      assert.notEqual(anew.id, one.id);
      await settled(anew.id);
    });

    it("answers with one build requests that differ only by the way the context travels", async () => {
      const request = await subject.request();
      assert.ok(request.context.kind === "archive");
      const assembly = { baseKey: request.context.object.key, deltaKeys: ["nowhere/a-b.tar.gz"], treeDigest: "0".repeat(64) };
      const { id } = await backend.start(request, undefined, recordedOperation());
      const assembled = { ...request, context: { ...request.context, assembly } };
      assert.deepEqual(await backend.start(assembled, undefined, recordedOperation()), { id, settled: false });
      await settled(id);
      assert.deepEqual(await backend.start(assembled, undefined, recordedOperation()), { id, settled: true });
    });

    it("finds the running build of a content, and the newest that is over", async () => {
      const request = await subject.request();
      assert.deepEqual(await backend.find(request, recordedOperation()), {});
      const { id } = await backend.start(request, undefined, recordedOperation());
      assert.deepEqual(await backend.find(request, recordedOperation()), { running: id });
      await settled(id);
      assert.deepEqual(await backend.find(request, recordedOperation()), { settled: id });
      assert.deepEqual(await backend.find({ ...request, contentTag: freshTag() }, recordedOperation()), {});
      assert.deepEqual(await backend.find({ ...request, repository: parseRepository("127.0.0.1:1/other") }, recordedOperation()), {});
    });

    it("says that a build failed, in which phase and why", async () => {
      const { id } = await backend.start(await subject.request({ buildArgs: { FAIL: "yes" } }), undefined, recordedOperation());
      const observation = await settled(id);
      assert.equal(observation.kind, "failed");
      assert.equal(observation.phase, "BUILD");
      assert.deepEqual(observation.messages, ["COMMAND_EXECUTION_ERROR: exit status 1"]);
    });

    it("stops a build; stopping one that is over changes nothing", async () => {
      const { id } = await backend.start(await subject.request(), undefined, recordedOperation());
      assert.equal((await backend.stop(id, signal)).kind, "stopped");
      assert.equal((await settled(id)).kind, "stopped");
      assert.equal((await backend.stop(id, signal)).kind, "stopped");
    });

    it("leaves builds it does not know out of its answer", async () => {
      assert.equal((await backend.observe(["builder:00000000-0000-0000-0000-000000000000"], signal)).size, 0);
    });

    it("names a project that does not exist", async () => {
      const request = await subject.request({ project: "nowhere" });
      await assert.rejects(
        backend.start(request, undefined, recordedOperation()),
        (error) => hasCode(error, "project-missing") && error.property === "project",
      );
    });
  });
}
