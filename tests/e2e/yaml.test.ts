import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "../support/cloud-process.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];

/** The YAML quickstart by the real CLI, the plugin found by its folder. */
describe("pulumi, a YAML program", () => {
  let world: LocalWorld;
  let workspace: PulumiWorkspace;
  before(async () => {
    world = await startWorld();
  });
  after(async () => {
    await world.stop();
  });
  beforeEach(async () => {
    const config = { repositoryUrl: world.repositoryUrl, baseImage: world.base, project: world.project, contextBucket: world.bucket };
    workspace = await createWorkspace({ program: "quickstart-yaml", env: world.env, config });
    appendFileSync(
      join(workspace.folder, "Pulumi.yaml"),
      `plugins:\n  providers:\n    - name: cloudbuild\n      path: ${join(root, "provider/bin")}\n`,
    );
    // Each test builds content of its own.
    edit("app/words.txt", (text) => `${text}${Math.random()}\n`);
    await world.resetCalls();
  });
  afterEach(() => workspace.close());

  function edit(path: string, change: (text: string) => string): void {
    const file = join(workspace.folder, path);
    writeFileSync(file, change(readFileSync(file, "utf8")));
  }

  const started = async (): Promise<number> => (await world.calls())["codebuild:StartBuild"] ?? 0;
  const aws = (...args: string[]): unknown => JSON.parse(run("aws", [...args, "--output", "json"], world.env)) as unknown;

  function newestBuild(): { id: string; buildStatus: string } {
    const { ids } = aws("codebuild", "list-builds") as { ids: string[] };
    const { builds } = aws("codebuild", "batch-get-builds", "--ids", ids[0] ?? "") as { builds: { id: string; buildStatus: string }[] };
    return builds[0] ?? { id: "", buildStatus: "" };
  }

  interface ImageState {
    readonly id: string;
    readonly inputs: Record<string, unknown>;
    readonly outputs: Record<string, unknown>;
  }

  async function imageState(): Promise<ImageState> {
    const exported = JSON.parse((await workspace.pulumi(["stack", "export"])).stdout) as {
      deployment: { resources: (ImageState & { type: string })[] };
    };
    const found = exported.deployment.resources.find(({ type }) => type === "cloudbuild:index:CloudBuildImage");
    assert.ok(found);
    return { id: found.id, inputs: found.inputs, outputs: found.outputs };
  }

  it("builds, does nothing, shows a change, builds it, goes back, refreshes and destroys", async () => {
    await workspace.pulumi(up);
    const first = await workspace.outputs();
    assert.equal(first["outcome"], "built");
    const manifest = world.crane("manifest", String(first["imageUri"]));
    assert.equal(first["digest"], `sha256:${createHash("sha256").update(manifest).digest("hex")}`);
    assert.equal(world.crane("export", String(first["imageUri"]), "-").includes("it's built in the cloud"), true);

    await world.resetCalls();
    const preview = await workspace.pulumi(["preview", "--diff", "--expect-no-changes"]);
    assert.ok(preview.output.includes("2 unchanged"), preview.output);
    await workspace.pulumi(up);
    assert.deepEqual(await workspace.outputs(), first);
    assert.deepEqual(await world.calls(), {}, "an unchanged image costs no call at all");

    const original = readFileSync(join(workspace.folder, "app/words.txt"), "utf8");
    edit("app/words.txt", (text) => `${text}new\n`);
    const changed = await workspace.pulumi(["preview", "--diff", "--json"]);
    const { steps } = JSON.parse(changed.stdout) as {
      steps: { op: string; urn: string; newState?: object; detailedDiff?: object }[];
    };
    const step = steps.find(({ urn }) => urn.endsWith("::app"));
    assert.equal(step?.op, "update");
    assert.deepEqual(Object.keys(step.detailedDiff ?? {}).sort(), ["contentHash", "contextHash"]);
    assert.equal(JSON.stringify(step.newState).includes(':""'), false);
    assert.deepEqual(Object.keys(await world.calls()), ["ecr:BatchGetImage", "s3:GetObject"]);
    assert.ok((await workspace.pulumi(["preview"])).output.includes("1 file changed: words.txt"));

    await workspace.pulumi(up);
    const second = await workspace.outputs();
    assert.equal(second["outcome"], "built");
    assert.notEqual(second["digest"], first["digest"]);

    writeFileSync(join(workspace.folder, "app/words.txt"), original);
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.deepEqual({ ...(await workspace.outputs()), outcome: "built" }, first);
    assert.equal((await workspace.outputs())["outcome"], "reused");
    assert.equal(await started(), 0);

    const refreshed = await workspace.pulumi(["refresh", "--yes", "--skip-preview", "--suppress-progress"]);
    assert.ok(refreshed.output.includes("2 unchanged"), refreshed.output);
    await workspace.pulumi(["destroy", "--yes", "--skip-preview", "--suppress-progress"]);
    assert.equal(world.crane("digest", String(first["imageUri"])).trim(), first["digest"]);
  });

  it("shows in the AWS tools what it shows in Pulumi", async () => {
    await workspace.pulumi(up);
    const { digest, contextHash } = await workspace.outputs();
    const { outputs } = await imageState();

    const { builds } = aws("codebuild", "batch-get-builds", "--ids", String(outputs["buildId"])) as {
      builds: {
        buildStatus: string;
        exportedEnvironmentVariables: { name: string; value: string }[];
        logs: { groupName: string; streamName: string; deepLink: string };
      }[];
    };
    assert.equal(builds[0]?.buildStatus, "SUCCEEDED");
    assert.deepEqual(builds[0].exportedEnvironmentVariables, [{ name: "CLOUDBUILD_DIGEST", value: digest }]);
    assert.equal(builds[0].logs.deepLink, outputs["logsUrl"]);

    const { imageDetails } = aws("ecr", "describe-images", "--repository-name", "app", "--image-ids", `imageDigest=${String(digest)}`) as {
      imageDetails: { imageTags: string[]; imageManifestMediaType: string }[];
    };
    assert.equal(imageDetails[0]?.imageManifestMediaType, "application/vnd.oci.image.manifest.v1+json", "one image, and nothing around it");
    assert.deepEqual(imageDetails[0].imageTags.sort(), [outputs["contentTag"], "latest"]);

    assert.match(
      run("aws", ["s3", "ls", `s3://${world.bucket}/cloudbuild/contexts/`], world.env),
      new RegExp(`${String(contextHash)}\\.tar\\.gz`),
    );

    const { groupName, streamName } = builds[0].logs;
    const { events } = aws("logs", "get-log-events", "--log-group-name", groupName, "--log-stream-name", streamName) as {
      events: { message: string }[];
    };
    assert.ok(events.some(({ message }) => message.includes(String(digest))));
  });

  it("fails with the step, its words, the phase and the log; and works when the Dockerfile is mended", async () => {
    await workspace.pulumi(up);
    const before = await imageState();
    edit("app/Dockerfile", (text) => text.replace("CMD", "RUN echo the roof is on fire >&2; exit 4\nCMD"));
    const failed = await workspace.pulumi(up, 1);
    for (const text of ["RUN echo the roof is on fire", "| the roof is on fire", "phase BUILD", `log ${world.endpoint}`])
      assert.ok(failed.output.includes(text), failed.output);
    assert.equal(failed.output.split("| the roof is on fire").length, 2, "each thing once");
    assert.deepEqual(await imageState(), before, "state is as it was");
    edit("app/Dockerfile", (text) => text.replace("exit 4", "true"));
    await workspace.pulumi(up);
    assert.equal((await workspace.outputs())["outcome"], "built");
  });

  it("reports what is wrong in the preview already, and starts nothing", async () => {
    edit("Pulumi.yaml", (text) => text.replace("- latest", "- not a tag").replace("context: ./app", "context: ./nowhere"));
    const { output } = await workspace.pulumi(["preview"], 1);
    for (const text of ["property tags[0]", '"not a tag" is not a tag', "property context", '"./nowhere" does not exist']) {
      assert.ok(output.toLowerCase().includes(text.toLowerCase()), `${text} in ${output}`);
    }
    assert.deepEqual(await world.calls(), {});
  });

  it("stops the build on Ctrl-C within five seconds, and up ends", async () => {
    edit("app/Dockerfile", (text) => text.replace("CMD", "RUN sleep 100\nCMD"));
    const running = workspace.start(["up", "--yes", "--skip-preview"]);
    await running.until("building (");
    const at = performance.now();
    running.process.kill("SIGINT");
    const ended = await running.done;
    const ms = performance.now() - at;
    assert.notEqual(ended.code, 0);
    assert.ok(ms < 5000, `${ms} ms`);
    assert.equal(newestBuild().buildStatus, "STOPPED");
    assert.equal((await workspace.pulumi(["stack", "export"])).stdout.includes("::app"), false, "there is nothing to remember");
    edit("app/Dockerfile", (text) => text.replace("RUN sleep 100\n", ""));
    await workspace.pulumi(up);
  });

  it("adopts the running build after kill -9 of the plugin: one build in all", async () => {
    edit("app/Dockerfile", (text) => text.replace("CMD", "RUN sleep 10\nCMD"));
    const running = workspace.start(["up", "--yes", "--skip-preview"]);
    await running.until("building (");
    const { id } = newestBuild();
    const pids = run("pgrep", ["-P", String(running.process.pid), "-f", "plugin.mjs"])
      .trim()
      .split("\n");
    for (const pid of pids) process.kill(Number(pid), "SIGKILL");
    assert.notEqual((await running.done).code, 0);
    await workspace.pulumi(up);
    assert.equal((await workspace.outputs())["outcome"], "adopted");
    assert.equal(newestBuild().id, id);
    assert.equal(await started(), 1);
  });

  it("imports an image by digest and by tag, and the program that has its content takes it over with nothing to do", async () => {
    await workspace.pulumi(up);
    const { digest, imageUri } = await workspace.outputs();
    await world.resetCalls();
    for (const reference of [String(imageUri), `${world.repositoryUrl}:latest`]) {
      await workspace.pulumi(["destroy", "--yes", "--skip-preview", "--suppress-progress"]);
      const { output } = await workspace.pulumi([
        "import",
        "cloudbuild:index:CloudBuildImage",
        "app",
        reference,
        "--yes",
        "--protect=false",
        "--generate-code=false",
        "--skip-preview",
        "--suppress-progress",
      ]);
      assert.equal(output.includes("warning"), false, output);
      const imported = await imageState();
      assert.equal(imported.outputs["digest"], digest);
      const { steps } = JSON.parse((await workspace.pulumi(["preview", "--json"])).stdout) as { steps: { urn: string }[] };
      assert.deepEqual(
        steps.filter(({ urn }) => urn.endsWith("::app")),
        [],
      );
      await workspace.pulumi(up);
      assert.equal((await imageState()).id, imported.id);
    }
    assert.equal((await workspace.outputs())["digest"], digest);
    assert.equal(await started(), 0);
  });

  it("builds anew what is gone from the registry, after a refresh", async () => {
    await workspace.pulumi(up);
    const { digest } = await workspace.outputs();
    run("aws", ["ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", `imageDigest=${String(digest)}`], world.env);
    const refreshed = await workspace.pulumi(["refresh", "--yes", "--skip-preview", "--suppress-progress"]);
    assert.ok(refreshed.output.includes("1 deleted"), refreshed.output);
    await workspace.pulumi(up);
    assert.equal((await workspace.outputs())["outcome"], "built");
  });

  it("says what to do when the Dockerfile is missing", async () => {
    rmSync(join(workspace.folder, "app/Dockerfile"));
    const { output } = await workspace.pulumi(["preview"], 1);
    assert.ok(output.includes("Dockerfile") && output.includes("does not exist") && output.includes("set `dockerfile`"), output);
  });
});
