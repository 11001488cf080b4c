import assert from "node:assert/strict";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, installPlugin, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

/** The TypeScript quickstart as a user runs it: the plugin installed from its archive into an empty PULUMI_HOME, the generated SDK. */
describe("pulumi, a TypeScript program with the installed plugin", () => {
  let world: LocalWorld;
  let workspace: PulumiWorkspace;
  before(async () => {
    world = await startWorld();
    const config = { repositoryUrl: world.repositoryUrl, baseImage: world.base, project: world.project, contextBucket: world.bucket };
    workspace = await createWorkspace({ program: "quickstart", env: world.env, config });
  });
  after(async () => {
    workspace.close();
    await world.stop();
  });

  it("finds no plugin before it is installed, and builds after", async () => {
    const missing = await workspace.pulumi(["up", "--yes", "--skip-preview", "--suppress-progress"], "any");
    assert.notEqual(missing.code, 0);
    installPlugin(workspace);
    const { output } = await workspace.pulumi(["plugin", "ls"]);
    assert.match(output, /cloudbuild\s+resource\s+0\.1\.0/);
    await workspace.pulumi(["up", "--yes", "--suppress-progress"]);
    const outputs = await workspace.outputs();
    assert.equal(outputs["outcome"], "built");
    assert.equal(world.crane("digest", String(outputs["imageUri"])).trim(), outputs["digest"]);
  });

  it("makes a consumer of imageUri wait for the digest and nothing else", async () => {
    const { stdout } = await workspace.pulumi(["preview", "--json", "--expect-no-changes"]);
    assert.equal(stdout.includes("04da6b54"), false);
  });
});
