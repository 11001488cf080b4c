import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "../support/cloud-process.ts";
import { unknownSentinel } from "../support/fake-engine.ts";
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

  it("gets an image that somebody else made, and finds one by a function, with the SDK's own types", async () => {
    const program = join(workspace.folder, "index.ts");
    const before_ = readFileSync(program, "utf8");
    const { digest } = await workspace.outputs();
    writeFileSync(
      program,
      `${before_}
const got = cloudbuild.CloudBuildImage.get("got", config.require("repositoryUrl") + ":latest");
export const gotDigest = got.digest;
const found = cloudbuild.getImageOutput({ repositoryUrl: config.require("repositoryUrl"), tag: "latest" });
export const foundDigest = found.digest;
export const foundPlatforms = found.platforms;
`,
    );
    run(join(root, "node_modules/.bin/tsc"), ["--noEmit", "-p", workspace.folder]);
    await workspace.pulumi(["up", "--yes", "--skip-preview", "--suppress-progress"]);
    const outputs = await workspace.outputs();
    assert.deepEqual([outputs["gotDigest"], outputs["foundDigest"], outputs["foundPlatforms"]], [digest, digest, ["linux/amd64"]]);
    writeFileSync(program, before_);
    await workspace.pulumi(["up", "--yes", "--skip-preview", "--suppress-progress"]);
  });

  it("makes a consumer of imageUri wait for the digest and nothing else", async () => {
    const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];
    const program = join(workspace.folder, "index.ts");
    const consumer = `${readFileSync(program, "utf8")}
new cloudbuild.CloudBuildImage("consumer", {
    repositoryUrl: config.require("repositoryUrl"),
    context: "./app",
    project: config.require("project"),
    contextBucket: config.require("contextBucket"),
    buildArgs: { BASE: config.require("baseImage") },
    triggers: { uses: image.imageUri },
});
`;
    writeFileSync(program, consumer);
    await workspace.pulumi(up);
    interface Step {
      readonly op: string;
      readonly urn: string;
      readonly newState?: { readonly inputs?: { readonly triggers?: { readonly uses?: string } } };
    }
    /** undefined: nothing happens to it. */
    const stepOf = async (name: string): Promise<Step | undefined> => {
      const { steps } = JSON.parse((await workspace.pulumi(["preview", "--json"])).stdout) as { steps: Step[] };
      return steps.find(({ urn }) => urn.endsWith(`::${name}`));
    };
    assert.equal(await stepOf("consumer"), undefined);

    // Nothing that leaves the digest as it is reaches the consumer.
    writeFileSync(program, consumer.replace('tags: ["latest"]', 'tags: ["latest", "more"], logs: "off"'));
    assert.equal((await stepOf("app"))?.op, "update");
    assert.equal(await stepOf("consumer"), undefined);
    writeFileSync(program, consumer);

    appendFileSync(join(workspace.folder, "app/words.txt"), "waited for\n");
    const waiting = await stepOf("consumer");
    assert.equal(waiting?.op, "update");
    assert.equal(waiting.newState?.inputs?.triggers?.uses, unknownSentinel, "unknown, neither old nor empty");
    await workspace.pulumi(up);
    const { imageUri } = await workspace.outputs();
    const { deployment } = JSON.parse((await workspace.pulumi(["stack", "export"])).stdout) as {
      deployment: { resources: { urn: string; inputs: { triggers?: { uses?: string } } }[] };
    };
    assert.equal(deployment.resources.find(({ urn }) => urn.endsWith("::consumer"))?.inputs.triggers?.uses, imageUri);
  });
});
