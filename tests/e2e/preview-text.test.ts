import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { fill, makeFolder, removeFolders } from "../support/folder.ts";
import { assertGolden } from "../support/golden.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, yamlProgram, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

/** What people read before they say yes: the whole text of `pulumi preview --diff`. */
describe("the text of preview --diff", () => {
  let world: LocalWorld;
  let workspace: PulumiWorkspace;
  before(async () => {
    world = await startWorld(["--repository", "other"]);
    const app = { "app/Dockerfile": `FROM ${world.base}\nARG VERSION\nCOPY . /app/\n`, "app/note.txt": "one\n" };
    workspace = await createWorkspace({ program: makeFolder({ ...app, "Pulumi.yaml": program() }), env: world.env });
  });
  after(async () => {
    workspace.close();
    removeFolders();
    await world.stop();
  });
  afterEach(() => fill(workspace.folder, { "Pulumi.yaml": program(), "app/note.txt": "one\n" }));

  /** The program as it is, but for some inputs. */
  function program(inputs: Readonly<Record<string, unknown>> = {}): string {
    const builder = { project: world.project, contextBucket: world.bucket };
    const image = { repositoryUrl: world.repositoryUrl, context: "./app", buildArgs: { VERSION: "1" }, tags: ["latest"], ...builder };
    const app = { type: "cloudbuild:CloudBuildImage", properties: { ...image, ...inputs } };
    return yamlProgram({ app }, { imageUri: "${app.imageUri}" });
  }

  async function assertText(name: string, inputs: Readonly<Record<string, unknown>> = {}): Promise<string> {
    fill(workspace.folder, { "Pulumi.yaml": program(inputs) });
    const { stdout, stderr } = await workspace.pulumi(["preview", "--diff"]);
    const text = `${stdout}${stderr === "" ? "" : `\nand to stderr:\n${stderr}`}`;
    assertGolden(`preview/${name}.txt`, normalised(text));
    return text;
  }

  /** What differs from run to run, named: the cloud's address, and hashes in the order of their first appearance. */
  function normalised(text: string): string {
    const hashes: string[] = [];
    return text.replaceAll(world.registry, "<registry>").replaceAll(/\b[0-9a-f]{64}\b/g, (hash) => {
      if (!hashes.includes(hash)) hashes.push(hash);
      return `<hash ${hashes.indexOf(hash) + 1}>`;
    });
  }

  it("is the golden text for a create", async () => {
    await assertText("create");
    await workspace.pulumi(["up", "--yes", "--skip-preview", "--suppress-progress"]);
  });

  it("is the golden text when nothing changed", () => assertText("unchanged"));

  it("is the golden text for a changed file: the file, and both hashes", async () => {
    fill(workspace.folder, { "app/note.txt": "two\n" });
    await assertText("changed-file");
  });

  it("is the golden text for a changed build arg", () => assertText("changed-build-arg", { buildArgs: { VERSION: "2" } }));

  it("is the golden text for a context that was moved: no change", async () => {
    renameSync(join(workspace.folder, "app"), join(workspace.folder, "moved"));
    try {
      await assertText("moved-context", { context: "./moved" });
    } finally {
      renameSync(join(workspace.folder, "moved"), join(workspace.folder, "app"));
    }
  });

  it("is the golden text for tags alone", () => assertText("tags", { tags: ["latest", "v2"] }));

  it("is the golden text for another repository: a replacement", () =>
    assertText("other-repository", { repositoryUrl: `${world.registry}/other` }));

  it("is the golden text for a secret build arg, and does not hold its value", async () => {
    const text = await assertText("secret-build-arg", { buildArgs: { VERSION: "1", TOKEN: { "fn::secret": "hush" } } });
    assert.equal(text.includes("hush"), false);
  });
});
