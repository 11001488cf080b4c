import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "../support/cloud-process.ts";
import { fill, makeFolder, removeFolders } from "../support/folder.ts";
import { startGitServer, type GitServer } from "../support/git-server.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];

/** Build contexts of every kind, through the real CLI to the files of the image. */
describe("sources", () => {
  let world: LocalWorld;
  let git: GitServer;
  const workspaces: PulumiWorkspace[] = [];
  before(async () => {
    world = await startWorld();
    git = await startGitServer();
  });
  after(async () => {
    for (const workspace of workspaces) workspace.close();
    git.close();
    removeFolders();
    await world.stop();
  });

  function write(folder: string, properties: object): void {
    const defaults = { repositoryUrl: world.repositoryUrl, project: world.project, contextBucket: world.bucket };
    const program = {
      name: "sources",
      runtime: "yaml",
      plugins: { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] },
      resources: { app: { type: "cloudbuild:CloudBuildImage", properties: { ...defaults, ...properties } } },
      outputs: { imageUri: "${app.imageUri}", outcome: "${app.outcome}" },
    };
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify(program));
  }

  async function stack(properties: object, files: Parameters<typeof makeFolder>[0] = {}): Promise<PulumiWorkspace> {
    const folder = makeFolder(files);
    write(folder, properties);
    const workspace = await createWorkspace({ program: folder, env: world.env });
    workspaces.push(workspace);
    return workspace;
  }

  /** The text of a file in the image that the stack made. */
  async function fileIn(workspace: PulumiWorkspace, path: string): Promise<string> {
    const { imageUri } = await workspace.outputs();
    const tar = join(mkdtempSync(join(workspace.folder, "export-")), "image.tar");
    world.crane("export", String(imageUri), tar);
    return run("tar", ["-xOf", tar, path]);
  }

  const previewed = async (workspace: PulumiWorkspace): Promise<string> => (await workspace.pulumi(["preview", "--diff"])).output;

  it("builds a git context at the commit that its branch names, and sees the branch move", async () => {
    git.commit({ "app/Dockerfile": `FROM ${world.base}\nCOPY note /note\n`, "app/note": "one" });
    const workspace = await stack({ context: `${git.url}#main:app`, contextBucket: undefined });
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "note"), "one");
    assert.equal((await world.calls())["s3:PutObject"], undefined, "nothing was shipped");
    assert.match(await previewed(workspace), /1 unchanged|2 unchanged/);
    git.commit({ "app/note": "two" });
    assert.match(await previewed(workspace), /~ contextHash: "[0-9a-f]{64}" => "[0-9a-f]{64}"/);
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "note"), "two");
  });

  it("finds a git context again by its commit, whatever it is called", async () => {
    const commit = git.commit({ "app/note": "three" });
    git.tag("v3");
    const workspace = await stack({ context: `${git.url}#v3:app` });
    await workspace.pulumi(up);
    write(workspace.folder, { context: `${git.url}#${commit}:/app/` });
    await workspace.pulumi([...up, "--expect-no-changes"]);
    git.commit({}, "release/3");
    write(workspace.folder, { context: `${git.url}#${commit}:app`, dockerfileInline: `FROM ${world.base}\nCOPY note /other\n` });
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "other"), "three");
  });

  it("fetches a private repository with the secret GIT_AUTH_TOKEN", async () => {
    const token = "a-token-of-the-build";
    const hidden = await startGitServer({ token });
    try {
      const commit = hidden.commit({ Dockerfile: `FROM ${world.base}\nCOPY note /note\n`, note: "private" });
      const workspace = await stack({ context: `${hidden.url}#${commit}`, secrets: { GIT_AUTH_TOKEN: { value: token } } });
      await workspace.pulumi(up);
      assert.equal(await fileIn(workspace, "note"), "private");
      write(workspace.folder, { context: `${hidden.url}#main` });
      const { output } = await workspace.pulumi(["preview"], "any");
      assert.ok(output.includes("cannot be looked up") && output.includes("git ls-remote"), output);
    } finally {
      hidden.close();
    }
  });

  it("builds named contexts, each by its own ignore file, beside an image and a git repository", async () => {
    git.commit({ "lib/text": "from git" });
    const dockerfile = [
      `FROM base AS app`,
      "COPY --from=shared . /shared/",
      "COPY --from=lib lib/text /lib/",
      "COPY own /own",
      "RUN test ! -e /shared/secret && test ! -e /shared/skipped",
      "",
    ].join("\n");
    const files = {
      "app/Dockerfile": dockerfile,
      "app/own": "own",
      // What the main context leaves out says nothing about the others.
      "app/.dockerignore": "kept\n",
      "shared/kept": "kept",
      "shared/secret": "secret",
      "shared/skipped": "skipped",
      "shared/.dockerignore": "secret\nskipped\n",
    };
    const contexts = { base: `docker-image://${world.base}`, shared: "./shared", lib: `${git.url}#main` };
    const workspace = await stack({ context: "./app", contexts }, files);
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "shared/kept"), "kept");
    assert.equal(await fileIn(workspace, "lib/text"), "from git");
    fill(workspace.folder, { "shared/skipped": "another" });
    await workspace.pulumi([...up, "--expect-no-changes"]);
    fill(workspace.folder, { "shared/kept": "changed" });
    const preview = await previewed(workspace);
    assert.match(preview, /shared *: "[0-9a-f]{64}" => "[0-9a-f]{64}"/);
    assert.ok(preview.includes("context shared: 1 file changed: kept"), preview);
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "shared/kept"), "changed");
  });

  it("builds a Dockerfile that needs no context", async () => {
    const workspace = await stack({ dockerfileInline: `FROM ${world.base}\nRUN echo inline > /said\n` });
    await workspace.pulumi(up);
    assert.equal((await fileIn(workspace, "said")).trim(), "inline");
    fill(workspace.folder, { "a-file-beside": "is no part of it" });
    await workspace.pulumi([...up, "--expect-no-changes"]);
  });

  for (const [format, pack] of [
    ["tar.gz", ["tar", "-czf"]],
    ["tar", ["tar", "-cf"]],
    ["zip", ["zip", "-qr"]],
  ] as const) {
    it(`builds a ${format} in S3, and sees it replaced`, async () => {
      const folder = makeFolder({ "in/Dockerfile": `FROM ${world.base}\nCOPY note /note\n`, note: "one" });
      const put = (note: string): void => {
        fill(folder, { note });
        const archive = join(mkdtempSync(join(tmpdir(), "archive-")), `context.${format}`);
        const [program, flag] = pack;
        run("sh", ["-c", `cd "$0" && ${program} ${flag} "$1" .`, folder, archive]);
        run("aws", ["s3", "cp", "--quiet", archive, `s3://${world.bucket}/theirs/context.${format}`], world.env);
      };
      put("one");
      const workspace = await stack({ context: `s3://${world.bucket}/theirs/context.${format}`, dockerfile: "in/Dockerfile" });
      await workspace.pulumi(up);
      assert.equal(await fileIn(workspace, "note"), "one");
      await workspace.pulumi([...up, "--expect-no-changes"]);
      put("two");
      await workspace.pulumi(up);
      assert.equal(await fileIn(workspace, "note"), "two");
    });
  }

  it("has a project build its own source, at the version that is asked for", async () => {
    const commands = [
      "aws ecr get-login-password | docker login --username AWS --password-stdin ${CLOUDBUILD_IMAGE%%/*}",
      'eval "docker buildx build --push --provenance=false --tag $CLOUDBUILD_IMAGE $CLOUDBUILD_BUILD_FLAGS own"',
    ];
    const first = git.commit({
      "buildspec.yml": `version: 0.2\nphases: { build: { commands: ${JSON.stringify(commands)} } }\n`,
      "own/Dockerfile": `FROM ${world.base}\nCOPY note /note\n`,
      "own/note": "first",
    });
    git.commit({ "own/note": "second" });
    const source = JSON.stringify({ type: "GITHUB", location: git.url });
    const environment = "type=LINUX_CONTAINER,image=x,computeType=BUILD_GENERAL1_SMALL,privilegedMode=true";
    const [artifacts, role] = ["type=NO_ARTIFACTS", "arn:aws:iam::000000000000:role/x"];
    const project = ["--name", "own", "--source", source, "--artifacts", artifacts, "--environment", environment, "--service-role", role];
    run("aws", ["codebuild", "create-project", ...project], world.env);
    const workspace = await stack({ project: "own", buildspec: "project", sourceVersion: first, contextBucket: undefined });
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "note"), "first");
    await workspace.pulumi([...up, "--expect-no-changes"]);
    write(workspace.folder, { project: "own", buildspec: "project", sourceVersion: "main" });
    await workspace.pulumi(up);
    assert.equal(await fileIn(workspace, "note"), "second");
  });

  it("says what is wrong with a source, in the preview", async () => {
    const contexts = { a: `${git.url}#nowhere`, b: "./missing", context: "./x", c: "s3://bucket/a.zip", d: "docker-image://UPPER CASE" };
    const workspace = await stack({ context: `s3://${world.bucket}/nowhere.zip`, contexts });
    const { output } = await workspace.pulumi(["preview"], "any");
    for (const words of [
      'has no branch or tag "nowhere"',
      '"./missing" does not exist',
      '"context" cannot be the name of a context',
      '"s3://bucket/a.zip" cannot be a named context',
      '"docker-image://UPPER CASE" is not an image',
      `"s3://${world.bucket}/nowhere.zip" does not exist, or may not be read`,
    ]) {
      assert.ok(output.includes(words), `${words}\n${output}`);
    }
  });
});
