import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, yamlProgram, type PulumiWorkspace } from "../support/pulumi-workspace.ts";

const flags = ["--yes", "--skip-preview", "--suppress-progress"];

type Images = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What goes with a resource, and what stays for others, by the real CLI. */
describe('onDelete: "delete"', () => {
  let world: LocalWorld;
  let workspace: PulumiWorkspace;
  let context: string;
  let contents = 0;
  before(async () => {
    world = await startWorld(["--repository", "other"]);
  });
  after(() => world.stop());
  beforeEach(async () => {
    contents += 1;
    context = makeFolder({ Dockerfile: `FROM ${world.base}\nCOPY note /note\n`, note: `delete ${contents}\n` });
    workspace = await createWorkspace({ program: makeFolder({ "Pulumi.yaml": program({}) }), env: world.env });
  });
  afterEach(async () => {
    await world.setFaults([]);
    workspace.close();
    removeFolders();
  });

  function program(images: Images): string {
    const resources = Object.entries(images).map(([name, given]) => {
      const builder = { repositoryUrl: world.repositoryUrl, project: world.project, contextBucket: world.bucket };
      return [name, { type: "cloudbuild:CloudBuildImage", properties: { ...builder, context, onDelete: "delete", ...given } }] as const;
    });
    const outputs = Object.keys(images).flatMap((name) =>
      ["digest", "outcome", "contentTag"].map((output) => [`${name}-${output}`, `\${${name}.${output}}`] as const),
    );
    return yamlProgram(Object.fromEntries(resources), Object.fromEntries(outputs));
  }

  async function up(images: Images, ...more: string[]): Promise<Record<string, unknown>> {
    writeFileSync(join(workspace.folder, "Pulumi.yaml"), program(images));
    await workspace.pulumi(["up", ...flags, ...more]);
    return workspace.outputs();
  }

  /** Undefined: the image is not there. */
  function tagsOf(digest: unknown, repository = "app"): readonly string[] | undefined {
    const answer = run("aws", ["ecr", "describe-images", "--repository-name", repository, "--output", "json"], world.env);
    const { imageDetails } = JSON.parse(answer) as { imageDetails: { imageDigest: string; imageTags?: string[] }[] };
    const found = imageDetails.find(({ imageDigest }) => imageDigest === digest);
    return found && (found.imageTags ?? []).sort();
  }

  it("leaves the image to a resource that was only renamed", async () => {
    const first = await up({ before: { tags: ["live"] } });
    const renamed = await up({ after: { tags: ["live"] } });
    assert.deepEqual([renamed["after-outcome"], renamed["after-digest"]], ["reused", first["before-digest"]]);
    assert.deepEqual(tagsOf(first["before-digest"]), [first["before-contentTag"], "live"]);
    await workspace.pulumi(["preview", "--refresh", "--expect-no-changes"]);
  });

  it("leaves the image to a resource that replaces it", async () => {
    const first = await up({ app: {} });
    const replaced = await up({ app: {} }, "--replace", "**::app");
    assert.deepEqual([replaced["app-outcome"], replaced["app-digest"]], ["reused", first["app-digest"]]);
    assert.deepEqual(tagsOf(first["app-digest"]), [first["app-contentTag"]]);
  });

  it("leaves a shared image to who stays, whatever that one's onDelete, and takes the leaver's own tags", async () => {
    const first = await up({ stays: { tags: ["shared"], onDelete: "retain" }, leaves: { tags: ["shared", "own"] } });
    await up({ stays: { tags: ["shared"], onDelete: "retain" } });
    assert.deepEqual(tagsOf(first["stays-digest"]), [first["stays-contentTag"], "shared"]);
    await workspace.pulumi(["preview", "--refresh", "--expect-no-changes"]);
  });

  it("takes the image away with the last resource that uses it", async () => {
    const first = await up({ one: { tags: ["one"] }, two: {} });
    await up({ two: {} });
    assert.deepEqual(tagsOf(first["two-digest"]), [first["two-contentTag"]]);
    await up({});
    assert.equal(tagsOf(first["two-digest"]), undefined);
  });

  it("never takes an image that somebody else's tag is on", async () => {
    const { "app-digest": digest } = await up({ app: { tags: ["mine"] } });
    world.crane("tag", `${world.repositoryUrl}:mine`, "theirs");
    await workspace.pulumi(["destroy", ...flags]);
    assert.deepEqual(tagsOf(digest), ["theirs"]);
  });

  it("takes the image out of the old repository when another one replaces it", async () => {
    const { "app-digest": digest } = await up({ app: {} });
    const moved = await up({ app: { repositoryUrl: `${world.registry}/other` } });
    assert.equal(tagsOf(digest), undefined);
    assert.ok(tagsOf(moved["app-digest"], "other"));
  });

  it("leaves an image that somebody else's index lists, and says so", async () => {
    const { "app-digest": digest } = await up({ app: {} });
    world.crane("index", "append", "--manifest", `${world.repositoryUrl}@${String(digest)}`, "--tag", `${world.repositoryUrl}:index`);
    const { output } = await workspace.pulumi(["destroy", ...flags]);
    assert.ok(output.includes("which an image index lists"), output);
    assert.ok(tagsOf(digest) !== undefined);
  });
});
