import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "../support/cloud-process.ts";
import { makeFolder, removeFolders, type FolderContent } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, type PulumiWorkspace, type Ran } from "../support/pulumi-workspace.ts";

const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];
const heavy = randomBytes(24_000_000);

interface StoredObject {
  readonly Key: string;
  readonly Size: number;
}

/** Large contexts of which little changes, by the real CLI. */
describe("a context of which little changed", () => {
  let world: LocalWorld;
  let state: string;
  const workspaces: PulumiWorkspace[] = [];
  before(async () => {
    state = makeFolder();
    world = await startWorld(["--state", state]);
  });
  after(async () => {
    for (const workspace of workspaces) workspace.close();
    await world.stop();
    removeFolders();
  });
  beforeEach(() => world.resetCalls());
  afterEach(() => world.setFaults([]));

  /** A folder with the context, and a stack that builds it by the path it is given. */
  function makeContext(name: string): string {
    return makeFolder({ Dockerfile: `FROM ${world.base}\nCOPY . /app/\n`, heavy, note: name, "gone/file": name });
  }

  async function stack(context: string, properties: object = defaults(context)): Promise<PulumiWorkspace> {
    const program = {
      name: "deltas",
      runtime: "yaml",
      plugins: { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] },
      resources: { app: { type: "cloudbuild:CloudBuildImage", properties } },
      outputs: { imageUri: "${app.imageUri}", buildId: "${app.buildId}", outcome: "${app.outcome}" },
    };
    const workspace = await createWorkspace({ program: makeFolder({ "Pulumi.yaml": JSON.stringify(program) }), env: world.env });
    workspaces.push(workspace);
    return workspace;
  }

  function defaults(context: string): object {
    return { repositoryUrl: world.repositoryUrl, project: world.project, contextBucket: world.bucket, context };
  }

  function objects(): readonly StoredObject[] {
    const listing = run("aws", ["s3api", "list-objects-v2", "--bucket", world.bucket, "--output", "json"], world.env);
    return (JSON.parse(listing) as { Contents?: StoredObject[] }).Contents ?? [];
  }

  const archives = (before: readonly StoredObject[]): StoredObject[] =>
    objects().filter(({ Key }) => Key.endsWith(".tar.gz") && !before.some((one) => one.Key === Key));

  /** The file of the local cloud that holds an object's bytes. */
  const fileOf = (key: string): string => join(state, "s3/buckets", world.bucket, createHash("sha256").update(key).digest("hex"));

  const started = async (): Promise<number> => (await world.calls())["codebuild:StartBuild"] ?? 0;

  async function assertHolds(workspace: PulumiWorkspace, note: string): Promise<void> {
    const tar = makeFolder();
    world.crane("export", String((await workspace.outputs())["imageUri"]), join(tar, "image.tar"));
    run("tar", ["-xf", join(tar, "image.tar"), "-C", tar, "app"]);
    assert.equal(readFileSync(join(tar, "app/note"), "utf8"), note);
    assert.ok(readFileSync(join(tar, "app/heavy")).equals(heavy));
  }

  it("uploads a few kB for one changed file of tens of MB, and the image holds it", async () => {
    const context = makeContext("one");
    const workspace = await stack(context);
    await workspace.pulumi(up);
    const before = objects();
    writeFileSync(join(context, "note"), "changed");
    await workspace.pulumi(up);
    assert.deepEqual(
      archives(before).map(({ Key }) => Key.split("/")[1]),
      ["deltas"],
    );
    const added = objects().filter(({ Key }) => !before.some((one) => one.Key === Key));
    const bytes = added.reduce((sum, { Size }) => sum + Size, 0);
    assert.ok(bytes < 5000, `${bytes} bytes`);
    await assertHolds(workspace, "changed");
    assert.equal(await started(), 2);
  });

  it("is built from the whole, in the same operation, when its base is damaged in a way that only the build can see", async () => {
    const context = makeContext("two");
    const workspace = await stack(context);
    const before = objects();
    await workspace.pulumi(up);
    const file = fileOf(archives(before)[0]?.Key ?? "");
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(9_000_000) ^ 1, 9_000_000);
    writeFileSync(file, bytes);
    writeFileSync(join(context, "note"), "changed");
    await world.resetCalls();
    const { output } = await workspace.pulumi(up);
    assert.ok(output.includes("building once more, from the whole"), output);
    assert.equal(await started(), 2);
    await assertHolds(workspace, "changed");

    writeFileSync(join(context, "note"), "changed again");
    await world.resetCalls();
    await workspace.pulumi(up);
    assert.equal(await started(), 1, "the next delta builds upon the new whole");
    await assertHolds(workspace, "changed again");
  });

  it("is built from the whole when its base is deleted while the build waits", async () => {
    const context = makeContext("three");
    const workspace = await stack(context);
    const before = objects();
    await workspace.pulumi(up);
    const base = archives(before)[0]?.Key ?? "";
    writeFileSync(join(context, "note"), "changed");
    await world.resetCalls();
    await world.setFaults([{ call: "codebuild:StartBuild", times: 1, delayMs: 4000 }]);
    const running: Promise<Ran> = workspace.pulumi(up);
    while ((await started()) === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    run("aws", ["s3api", "delete-object", "--bucket", world.bucket, "--key", base], world.env);
    const { output } = await running;
    assert.ok(output.includes("building once more, from the whole"), output);
    await assertHolds(workspace, "changed");
  });

  it("is shipped again when it was deleted between check and build", async () => {
    const context = makeContext("four");
    const workspace = await stack(context);
    const before = objects();
    await workspace.pulumi(up);
    const [base] = archives(before);
    writeFileSync(join(context, "note"), "changed");
    await workspace.pulumi(["preview"]);
    run("aws", ["s3api", "delete-object", "--bucket", world.bucket, "--key", base?.Key ?? ""], world.env);
    await workspace.pulumi(up);
    await assertHolds(workspace, "changed");
    assert.deepEqual(
      archives(before).map(({ Key }) => Key.split("/")[1]),
      ["contexts"],
    );
  });

  it("makes the same image, bit for bit, put together from a delta, piped into BuildKit, and unpacked beside its Dockerfile", async () => {
    const dockerfile = `FROM ${world.base}\nCOPY . /app/\nCOPY a /b/\n`;
    const content: FolderContent = {
      "deploy/app.Dockerfile": dockerfile,
      ".dockerignore": "*.log\n!kept.log\n",
      "kept.log": "kept",
      "left.log": "left out",
      heavy,
      note: "old",
      "a/c": "c",
      "a-b/run.sh": { exec: "run" },
      "empty/inner": null,
      dangling: { link: "nowhere" },
      outside: { link: "../../elsewhere" },
      absolute: { link: "/etc/passwd" },
      "caf\u00e9 \u{1f600}/it's": "",
    };
    const images = { repositoryUrl: world.repositoryUrl, project: world.project, contextBucket: world.bucket, reproducible: true };
    const build = async (properties: object): Promise<{ digest: unknown; recipe: string }> => {
      const workspace = await stack("", { ...images, ...properties });
      await workspace.pulumi(up);
      return built(workspace);
    };
    const built = async (workspace: PulumiWorkspace): Promise<{ digest: unknown; recipe: string }> => {
      const { imageUri, buildId, outcome } = await workspace.outputs();
      assert.equal(outcome, "built");
      const answer = run("aws", ["codebuild", "batch-get-builds", "--ids", String(buildId), "--output", "json"], world.env);
      const { builds } = JSON.parse(answer) as { builds: { source: { buildspec: string } }[] };
      return { digest: String(imageUri).split("@")[1], recipe: builds[0]?.source.buildspec ?? "" };
    };
    const context = makeFolder(content);
    const inside = { context, dockerfile: join(context, "deploy/app.Dockerfile") };
    const changing = await stack("", { ...images, ...inside });
    await changing.pulumi(up);
    writeFileSync(join(context, "note"), "new");
    await changing.pulumi(up);
    const assembled = await built(changing);
    assert.ok(assembled.recipe.includes("--strip-components=1 tree"));

    // Nothing remembers how this context was shipped, so it is shipped whole.
    for (const { Key } of objects().filter(({ Key }) => Key.startsWith("cloudbuild/heads/"))) {
      run("aws", ["s3api", "delete-object", "--bucket", world.bucket, "--key", Key], world.env);
    }
    const piped = await build({ ...inside, triggers: { way: "piped" } });
    assert.ok(piped.recipe.includes(" --file deploy/app.Dockerfile - < "), piped.recipe);
    const unpacked = await build({ context, dockerfileInline: `${dockerfile}# beside` });
    assert.ok(unpacked.recipe.includes("tar -xpzf") && unpacked.recipe.includes("$CODEBUILD_SRC_DIR_dockerfile"), unpacked.recipe);
    assert.deepEqual([piped.digest, unpacked.digest], [assembled.digest, assembled.digest]);
  });

  it("is built once for two stacks at once, one of which finds a base and the other does not", async () => {
    const context = makeContext("five");
    const [knowing, other] = [await stack(context), await stack(`${context}/.`)];
    await knowing.pulumi(up);
    writeFileSync(join(context, "note"), "changed");
    const before = objects();
    const builds = (): number => (JSON.parse(run("aws", ["codebuild", "list-builds", "--output", "json"], world.env)) as { ids: string[] }).ids.length; // prettier-ignore
    const earlier = builds();
    // Neither may see what the other remembers.
    await world.setFaults([{ call: "s3:GetObject", delayMs: 1500 }]);
    await Promise.all([knowing.pulumi(up), other.pulumi(up)]);
    assert.equal(builds() - earlier, 1);
    assert.deepEqual([...new Set(archives(before).map(({ Key }) => Key.split("/")[1]))].sort(), ["contexts", "deltas"]);
    assert.equal((await knowing.outputs())["buildId"], (await other.outputs())["buildId"]);
    await assertHolds(other, "changed");
  });
});
