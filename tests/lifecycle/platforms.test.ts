import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];
const refresh = ["refresh", "--yes", "--skip-preview", "--suppress-progress"];
const platforms = ["linux/amd64", "linux/arm64"];

interface Outputs {
  readonly digest: string;
  readonly platformDigests: Readonly<Record<string, string>>;
  readonly contentTag: string;
  readonly outcome: string;
  readonly buildId?: string;
}

/** One image of several platforms, of reproducible bytes, and in ECR's archive: by the real CLI. */
describe("an image", () => {
  let world: LocalWorld;
  const workspaces: PulumiWorkspace[] = [];
  let contents = 0;
  before(async () => {
    world = await startWorld();
  });
  after(async () => {
    for (const workspace of workspaces) workspace.close();
    removeFolders();
    await world.stop();
  });
  beforeEach(() => world.resetCalls());

  /** A context that no other test builds. Nothing runs on a platform that this machine is not. */
  function context(): string {
    contents += 1;
    const dockerfile = [
      `FROM --platform=$BUILDPLATFORM ${world.base} AS made`,
      "ARG TARGETARCH",
      "RUN echo made for $TARGETARCH > /made",
      "FROM scratch",
      "COPY --from=made /made /made",
      "COPY note /note",
    ];
    return makeFolder({ Dockerfile: `${dockerfile.join("\n")}\n`, note: `platforms ${contents}\n` });
  }

  function write(folder: string, properties: object, at: LocalWorld): void {
    const defaults = { repositoryUrl: at.repositoryUrl, project: at.project, contextBucket: at.bucket };
    const program = {
      name: "platforms",
      runtime: "yaml",
      plugins: { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] },
      resources: { app: { type: "cloudbuild:CloudBuildImage", properties: { ...defaults, ...properties } } },
      outputs: Object.fromEntries(
        ["digest", "platformDigests", "contentTag", "outcome", "buildId"].map((name) => [name, `\${app.${name}}`] as const),
      ),
    };
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify(program));
  }

  async function stack(properties: object, at: LocalWorld = world): Promise<PulumiWorkspace> {
    const folder = makeFolder();
    write(folder, properties, at);
    const workspace = await createWorkspace({ program: folder, env: at.env });
    workspaces.push(workspace);
    return workspace;
  }

  const outputsOf = async (workspace: PulumiWorkspace): Promise<Outputs> => (await workspace.outputs()) as unknown as Outputs;
  const ecr = (operation: string, ...flags: string[]): unknown => {
    const said = run("aws", ["ecr", operation, "--repository-name", "app", ...flags, "--output", "json"], world.env);
    return said === "" ? undefined : (JSON.parse(said) as unknown);
  };
  const images = (): { imageDigest: string; imageTag?: string }[] =>
    (ecr("list-images") as { imageIds: { imageDigest: string; imageTag?: string }[] }).imageIds;
  const started = async (): Promise<number> => (await world.calls())["codebuild:StartBuild"] ?? 0;

  function newestBuilds(count: number): { id: string; environment: { type: string } }[] {
    const { ids } = JSON.parse(run("aws", ["codebuild", "list-builds", "--output", "json"], world.env)) as { ids: string[] };
    const newest = run("aws", ["codebuild", "batch-get-builds", "--ids", ...ids.slice(0, count), "--output", "json"], world.env);
    return (JSON.parse(newest) as { builds: { id: string; environment: { type: string } }[] }).builds;
  }

  function assertPlatforms({ digest, platformDigests }: Outputs): void {
    assert.deepEqual(Object.keys(platformDigests).sort(), platforms);
    const index = JSON.parse(world.crane("manifest", `${world.repositoryUrl}@${digest}`)) as { mediaType: string };
    assert.equal(index.mediaType, "application/vnd.oci.image.index.v1+json");
    world.crane("validate", "--remote", `${world.repositoryUrl}@${digest}`);
    for (const [platform, child] of Object.entries(platformDigests)) {
      assert.equal(world.crane("digest", "--platform", platform, `${world.repositoryUrl}@${digest}`).trim(), child);
      const files = world.crane("export", "--platform", platform, `${world.repositoryUrl}@${digest}`, "-");
      assert.ok(files.includes(`made for ${platform.split("/")[1]}`), platform);
    }
  }

  it("of two platforms is built natively, found again, repaired, retagged and deleted", async () => {
    const properties = { context: context(), platforms, tags: ["one"], onDelete: "delete" };
    const others = new Set(images().map(({ imageDigest }) => imageDigest));
    const workspace = await stack(properties);
    const { output } = await workspace.pulumi(up);
    const first = await outputsOf(workspace);
    assert.equal(first.outcome, "built");
    assertPlatforms(first);
    assert.equal(world.crane("digest", `${world.repositoryUrl}:one`).trim(), first.digest);
    const builds = newestBuilds(2);
    assert.deepEqual(builds.map(({ environment }) => environment.type).sort(), ["ARM_CONTAINER", "LINUX_CONTAINER"]);
    assert.ok(builds.some(({ id }) => id === first.buildId));
    for (const platform of platforms) assert.match(output, new RegExp(`${platform}: built in [\\d.]+ s by `));

    await world.resetCalls();
    await workspace.pulumi([...up, "--expect-no-changes"]);
    assert.deepEqual(await world.calls(), {});
    await workspace.pulumi([...refresh, "--expect-no-changes"]);

    const gone = [first.digest, first.platformDigests["linux/arm64"]];
    for (const digest of gone) ecr("batch-delete-image", "--image-ids", `imageDigest=${digest}`);
    await workspace.pulumi(refresh);
    await world.resetCalls();
    const repaired = await workspace.pulumi(up);
    assert.equal(await started(), 1, "only the child that was missing");
    assert.ok(repaired.output.includes(`linux/amd64: reused ${world.repositoryUrl}:${first.contentTag}-linux-amd64`), repaired.output);
    const second = await outputsOf(workspace);
    assertPlatforms(second);
    assert.equal(second.platformDigests["linux/amd64"], first.platformDigests["linux/amd64"]);

    write(workspace.folder, { ...properties, tags: ["one", "two"] }, world);
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.deepEqual(Object.keys(await world.calls()), ["ecr:BatchGetImage", "ecr:PutImage"]);
    const { digest, platformDigests, outcome } = await outputsOf(workspace);
    assert.deepEqual(
      { digest, platformDigests, outcome },
      { digest: second.digest, platformDigests: second.platformDigests, outcome: "retagged" },
    );
    assert.equal(world.crane("digest", `${world.repositoryUrl}:two`).trim(), second.digest);

    await workspace.pulumi(["destroy", "--yes", "--skip-preview", "--suppress-progress"]);
    assert.deepEqual(
      images().filter(({ imageDigest }) => !others.has(imageDigest)),
      [],
      "neither index nor children are left",
    );
  });

  it("of two platforms is built by a project's own buildspec, which is told what each build pushes", async () => {
    const source = JSON.stringify({ type: "NO_SOURCE", buildspec: readFileSync(join(root, "examples/own-project/buildspec.yml"), "utf8") });
    const environment = "type=LINUX_CONTAINER,image=x,computeType=BUILD_GENERAL1_SMALL,privilegedMode=true";
    const flags = [
      "--source",
      source,
      "--artifacts",
      "type=NO_ARTIFACTS",
      "--environment",
      environment,
      "--service-role",
      "arn:aws:iam::1:role/x",
    ];
    run("aws", ["codebuild", "create-project", "--name", "own", ...flags], world.env);
    const workspace = await stack({ context: context(), platforms, project: "own", buildspec: "project", reproducible: true });
    await workspace.pulumi(up);
    const outputs = await outputsOf(workspace);
    assertPlatforms(outputs);
    for (const digest of Object.values(outputs.platformDigests)) {
      const config = JSON.parse(world.crane("config", `${world.repositoryUrl}@${digest}`)) as { created: string };
      assert.equal(config.created, "1980-01-01T00:00:00Z", "`reproducible` is in the flags");
    }
  });

  it("in the archive is an error wherever it is met, until it is restored; state stays", async () => {
    const properties = { context: context() };
    const workspace = await stack(properties);
    await workspace.pulumi(up);
    const { digest, platformDigests } = await outputsOf(workspace);
    assert.deepEqual(platformDigests, { "linux/amd64": digest });
    const exported = (await workspace.pulumi(["stack", "export"])).stdout;
    const image = ["--image-id", `imageDigest=${digest}`];
    ecr("update-image-storage-class", ...image, "--target-storage-class", "ARCHIVE");

    assert.throws(() => world.crane("manifest", `${world.repositoryUrl}@${digest}`), /MANIFEST_UNKNOWN/);
    const refreshed = await workspace.pulumi(refresh, "any");
    const [other, producer] = [await stack(properties), await stack({ ...properties, onMissing: "fail" })];
    const refused = [refreshed, await other.pulumi(up, "any"), await producer.pulumi(up, "any")];
    for (const { code, output } of refused) {
      assert.notEqual(code, 0);
      assert.ok(output.includes("[image-archived]"), output);
      assert.ok(output.includes(`aws ecr update-image-storage-class --repository-name app --image-id imageDigest=${digest}`), output);
    }
    assert.equal(await started(), 1);
    const resources = (text: string): unknown =>
      (JSON.parse(text) as { deployment: { resources: { urn: string; outputs: object }[] } }).deployment.resources.find(({ urn }) =>
        urn.endsWith("::app"),
      )?.outputs;
    assert.deepEqual(resources((await workspace.pulumi(["stack", "export"])).stdout), resources(exported));

    ecr("update-image-storage-class", ...image, "--target-storage-class", "STANDARD");
    await workspace.pulumi([...refresh, "--expect-no-changes"]);
    await other.pulumi(up);
    assert.equal((await outputsOf(other)).outcome, "reused");
  });

  it("that is reproducible has the same digest in another cloud with another cache, and only then", async () => {
    const another = await startWorld();
    try {
      const digests = async (reproducible: boolean): Promise<string[]> => {
        const made = [];
        for (const at of [world, another]) {
          const folder = makeFolder({
            Dockerfile: `FROM ${at.base}\nARG SOURCE_DATE_EPOCH=none\nRUN mkdir /made && echo $SOURCE_DATE_EPOCH > /made/at\nCOPY note /note\n`,
            note: "the same\n",
          });
          const workspace = await stack({ context: folder, reproducible }, at);
          await workspace.pulumi(up);
          const { digest, outcome } = await outputsOf(workspace);
          assert.equal(outcome, "built");
          made.push(digest);
        }
        return made;
      };
      const [one, two] = await digests(true);
      assert.equal(one, two);
      const [three, four] = await digests(false);
      assert.notEqual(three, four);
    } finally {
      await another.stop();
    }
  });
});
