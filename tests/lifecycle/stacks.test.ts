import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];
const refresh = ["refresh", "--yes", "--skip-preview", "--suppress-progress"];

type Images = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Whole stacks through their lives, by the real CLI. */
describe("stacks", () => {
  let world: LocalWorld;
  const workspaces: PulumiWorkspace[] = [];
  let contents = 0;
  before(async () => {
    world = await startWorld(["--repository", "other", "--repository", "fixed"]);
  });
  after(async () => {
    for (const workspace of workspaces) workspace.close();
    removeFolders();
    await world.stop();
  });
  beforeEach(() => world.resetCalls());
  afterEach(() => world.setFaults([]));

  /** A context that no other test builds. */
  function context(dockerfile = ""): string {
    contents += 1;
    return makeFolder({ Dockerfile: `FROM ${world.base}\nCOPY note /note\n${dockerfile}`, note: `stacks ${contents}\n` });
  }

  /** YAML takes JSON: a program of these images. */
  function write(folder: string, images: Images): void {
    const resources = Object.entries(images).map(([name, properties]) => {
      const defaults = { repositoryUrl: world.repositoryUrl, project: world.project, contextBucket: world.bucket };
      return [name, { type: "cloudbuild:CloudBuildImage", properties: { ...defaults, ...properties } }] as const;
    });
    const outputs = Object.keys(images).flatMap((name) =>
      ["digest", "outcome", "imageUri", "buildId"].map((output) => [`${name}-${output}`, `\${${name}.${output}}`] as const),
    );
    const program = {
      name: "stacks",
      runtime: "yaml",
      plugins: { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] },
      resources: Object.fromEntries(resources),
      outputs: Object.fromEntries(Object.keys(images).length > 10 ? [] : outputs),
    };
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify(program));
  }

  async function stack(images: Images): Promise<PulumiWorkspace> {
    const folder = makeFolder();
    mkdirSync(folder, { recursive: true });
    write(folder, images);
    const workspace = await createWorkspace({ program: folder, env: world.env });
    workspaces.push(workspace);
    return workspace;
  }

  const started = async (): Promise<number> => (await world.calls())["codebuild:StartBuild"] ?? 0;
  const builds = (): string[] =>
    (JSON.parse(run("aws", ["codebuild", "list-builds", "--output", "json"], world.env)) as { ids: string[] }).ids;
  const digestOf = (reference: string): string => world.crane("digest", reference).trim();

  it("builds one time for two stacks that go up at once", async () => {
    const app = { app: { context: context("RUN sleep 2\n") } };
    const [one, two] = [await stack(app), await stack(app)];
    const earlier = builds().length;
    await Promise.all([one.pulumi(up), two.pulumi(up)]);
    const [first, second] = [await one.outputs(), await two.outputs()];
    assert.equal(first["app-digest"], second["app-digest"]);
    assert.equal(first["app-buildId"], second["app-buildId"]);
    assert.equal(builds().length - earlier, 1);
  });

  it("builds once for each of two repositories", async () => {
    const folder = context();
    const workspace = await stack({ here: { context: folder }, there: { context: folder, repositoryUrl: `${world.registry}/other` } });
    await workspace.pulumi(up);
    const outputs = await workspace.outputs();
    assert.deepEqual([outputs["here-outcome"], outputs["there-outcome"]], ["built", "built"]);
    assert.equal(await started(), 2);
    assert.equal(digestOf(String(outputs["there-imageUri"])), outputs["there-digest"]);
  });

  it("retags with BatchGetImage and PutImage alone", async () => {
    const folder = context();
    const workspace = await stack({ app: { context: folder, tags: ["one"] } });
    await workspace.pulumi(up);
    write(workspace.folder, { app: { context: folder, tags: ["one", "two"] } });
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.deepEqual(Object.keys(await world.calls()), ["ecr:BatchGetImage", "ecr:PutImage"]);
    const outputs = await workspace.outputs();
    assert.equal(outputs["app-outcome"], "retagged");
    assert.equal(digestOf(`${world.repositoryUrl}:two`), outputs["app-digest"]);
  });

  it("names the tag that an immutable repository does not let go", async () => {
    run("aws", ["ecr", "put-image-tag-mutability", "--repository-name", "fixed", "--image-tag-mutability", "IMMUTABLE"], world.env);
    const repositoryUrl = `${world.registry}/fixed`;
    const workspace = await stack({ app: { context: context(), repositoryUrl, tags: ["v1"] } });
    await workspace.pulumi(up);
    await workspace.pulumi(up);
    const next = context();
    write(workspace.folder, { app: { context: next, repositoryUrl, tags: ["v1"] } });
    const refused = await workspace.pulumi(up, 1);
    assert.ok(refused.output.includes('tag "v1" of') && refused.output.includes("[tag-immutable]"), refused.output);
    write(workspace.folder, { app: { context: next, repositoryUrl, tags: ["v2"] } });
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.equal(await started(), 0, "the image was there already");
    assert.equal((await workspace.outputs())["app-outcome"], "reused");
  });

  it("keeps state when a refresh is throttled, denied, expired or reset", async () => {
    const workspace = await stack({ app: { context: context(), tags: ["kept"] } });
    await workspace.pulumi(up);
    const exported = async (): Promise<unknown> => {
      const { deployment } = JSON.parse((await workspace.pulumi(["stack", "export"])).stdout) as {
        deployment: { resources: { urn: string; outputs: object }[] };
      };
      return deployment.resources.find(({ urn }) => urn.endsWith("::app"))?.outputs;
    };
    const before_ = await exported();
    const failing = [
      { code: "AccessDeniedException", message: "no" },
      { code: "ExpiredTokenException", message: "late" },
    ];
    for (const error of failing) {
      await world.setFaults([{ call: "ecr:*", error }]);
      assert.equal((await workspace.pulumi(refresh, "any")).code, 1);
      assert.deepEqual(await exported(), before_);
    }
    await world.setFaults([
      { call: "ecr:*", times: 1, error: { code: "ThrottlingException" } },
      { call: "ecr:*", times: 1, reset: true },
    ]);
    await workspace.pulumi(refresh);
    assert.deepEqual(await exported(), before_);
  });

  it("repairs a moved tag", async () => {
    const workspace = await stack({ app: { context: context(), tags: ["live", "other"] } });
    await workspace.pulumi(up);
    const { "app-digest": digest } = await workspace.outputs();
    world.crane("copy", world.base, `${world.repositoryUrl}:live`);
    const drifted = await workspace.pulumi(["preview", "--refresh", "--diff"]);
    assert.ok(drifted.output.includes("tags"), drifted.output);
    await workspace.pulumi(refresh);
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.equal(digestOf(`${world.repositoryUrl}:live`), digest);
    assert.equal(await started(), 0);
  });

  it("replaces for another repository, and keeps the old image", async () => {
    const folder = context();
    const workspace = await stack({ app: { context: folder, onDelete: "delete" } });
    await workspace.pulumi(up);
    const first = await workspace.outputs();
    write(workspace.folder, { app: { context: folder, repositoryUrl: `${world.registry}/other`, onDelete: "retain" } });
    const { stdout } = await workspace.pulumi(["preview", "--json"]);
    const { steps } = JSON.parse(stdout) as { steps: { op: string; urn: string; replaceReasons?: string[] }[] };
    assert.deepEqual(steps.find(({ urn, op }) => urn.endsWith("::app") && op === "replace")?.replaceReasons, ["repositoryUrl"]);
    write(workspace.folder, { app: { context: folder, onDelete: "retain" } });
    await workspace.pulumi(up);
    write(workspace.folder, { app: { context: folder, repositoryUrl: `${world.registry}/other` } });
    await workspace.pulumi(up);
    assert.equal(digestOf(String(first["app-imageUri"])), first["app-digest"]);
    assert.ok(String((await workspace.outputs())["app-imageUri"]).includes("/other@"));
  });

  it("carries out a saved plan", async () => {
    const workspace = await stack({ app: { context: context() } });
    await workspace.pulumi(["preview", "--save-plan", "plan.json"]);
    await workspace.pulumi([...up.filter((flag) => flag !== "--skip-preview"), "--plan", "plan.json"]);
    assert.equal((await workspace.outputs())["app-outcome"], "built");
  });

  it("keeps what signs in to the registry out of state and plan", async () => {
    const workspace = await stack({ app: { context: context(), tags: ["signed"] } });
    await workspace.pulumi(["preview", "--save-plan", "plan.json"]);
    await workspace.pulumi(up);
    const password = run("aws", ["ecr", "get-login-password"], world.env).trim();
    assert.ok(password.length > 8);
    const texts = [readFileSync(join(workspace.folder, "plan.json"), "utf8"), (await workspace.pulumi(["stack", "export"])).stdout];
    const secrets = [password, Buffer.from(password, "base64").toString("utf8"), world.env["AWS_SECRET_ACCESS_KEY"] ?? password];
    for (const text of texts) assert.deepEqual(secrets.filter((secret) => text.includes(secret)), []); // prettier-ignore
  });

  it("changes no image for another log level, builder or credential, or for a path spelled differently", async () => {
    const folder = context();
    const workspace = await stack({ app: { context: folder, logs: "errors" } });
    await workspace.pulumi(up);
    await workspace.pulumi(["config", "set", "cloudbuild:profile", "another"]);
    write(workspace.folder, {
      app: { context: `${folder}/../${folder.split("/").at(-1)}/`, logs: "full", project: "another", onMissing: "fail" },
    });
    await world.resetCalls();
    const { steps } = JSON.parse((await workspace.pulumi(["preview", "--json"])).stdout) as { steps: { op: string; urn: string }[] };
    assert.deepEqual(
      steps.filter(({ urn }) => urn.endsWith("::app")),
      [],
    );
    await workspace.pulumi(up);
    assert.deepEqual(await world.calls(), {});
    assert.ok((await workspace.pulumi(["stack", "export"])).stdout.includes('"profile": "another"'), "the configuration did change");
  });

  /** One listing. Where fewer than five come at once, as on a machine that stalls, these are looked up before it. */
  function assertFewLookups(calls: Readonly<Record<string, number>>): void {
    const { "ecr:DescribeImages": listings, "ecr:BatchGetImage": lookups = 0, ...others } = calls;
    assert.deepEqual(others, {});
    assert.equal(listings, 1);
    assert.ok(lookups <= 1, `${lookups} lookups`);
  }

  it("costs no call for a hundred unchanged images, and at most two for their refresh, however few the engine hands over at once", async function () {
    this.timeout(120_000);
    const folder = context();
    const images = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`image${i}`, { context: folder, tags: [`t${i}`], triggers: { i: "same" } }]),
    );
    const workspace = await stack(images);
    const earlier = builds().length;
    await workspace.pulumi([...up, "--parallel", "128"]);
    assert.equal(builds().length - earlier, 1, "a hundred resources of one content are one build");
    await world.resetCalls();
    await workspace.pulumi([...up, "--parallel", "128"]);
    assert.deepEqual(await world.calls(), {});
    for (const parallel of [[], ["--parallel", "4"], ["--parallel", "128"]]) {
      await world.resetCalls();
      await workspace.pulumi([...refresh, ...parallel]);
      assertFewLookups(await world.calls());
    }
  });

  it("previews a hundred images of new content with at most two registry calls, however few the engine hands over at once", async function () {
    this.timeout(120_000);
    const folder = context();
    const hundred = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`image${i}`, { context: folder, triggers: { i: `${i}` } }]));
    const workspace = await stack(hundred);
    for (const parallel of [[], ["--parallel", "128"]]) {
      await world.resetCalls();
      await workspace.pulumi(["preview", "--suppress-progress", ...parallel]);
      assertFewLookups(await world.calls());
    }
  });
});
