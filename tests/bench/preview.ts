import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/cloud-process.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, type PulumiWorkspace } from "../support/pulumi-workspace.ts";
import type { Row, Section } from "./section.ts";
import { inTurns, ms, times } from "./timing.ts";
import type { Tree } from "./tree.ts";

const goalMs = 1200;
const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];

/** `pulumi preview` of a YAML program whose image is as it was, by the real CLI, against the local cloud. */
export const preview: Section = {
  title: "A preview that changes nothing",
  async run({ trees, scratch }) {
    const tree = trees.at(-1);
    if (tree === undefined) return [];
    const world = await startWorld();
    const env = { ...world.env, XDG_CACHE_HOME: join(scratch, "preview-cache") };
    const [full, empty] = await Promise.all([stack(scratch, "full", image(tree, world), env), stack(scratch, "empty", {}, env)]);
    try {
      await settle(full, world);
      await empty.pulumi(up);
      const noOp = ["preview", "--expect-no-changes"];
      const [ours, bare] = await inTurns(5, [{ run: () => full.pulumi(noOp) }, { run: () => empty.pulumi(noOp) }]);
      const goal = { text: `under ${ms(goalMs)}`, met: ours < goalMs };
      const row: Row = {
        what: tree.name,
        ours: ms(ours),
        beside: `a program without resources ${ms(bare)}`,
        ratio: times(ours, bare),
        goal,
      };
      return [row];
    } finally {
      full.close();
      empty.close();
      await world.stop();
    }
  },
};

function image(tree: Tree, { repositoryUrl }: LocalWorld): object {
  return { app: { type: "cloudbuild:CloudBuildImage", properties: { repositoryUrl, context: tree.folder, onMissing: "fail" } } };
}

async function stack(scratch: string, name: string, resources: object, env: Readonly<Record<string, string>>): Promise<PulumiWorkspace> {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  const plugins = { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] };
  writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name, runtime: "yaml", plugins, resources }));
  const workspace = await createWorkspace({ program: folder, env });
  rmSync(folder, { recursive: true });
  return workspace;
}

/** Some image stands for this content, so that nothing is shipped or built: a preview does not look into it. */
async function settle(workspace: PulumiWorkspace, world: LocalWorld): Promise<void> {
  const { output } = await workspace.pulumi(up, "any");
  const [tag] = /cb-[0-9a-f]{32}/.exec(output) ?? [];
  if (tag === undefined) throw new Error(`up did not say which image is missing:\n${output}`);
  world.crane("copy", world.base, `${world.repositoryUrl}:${tag}`);
  await workspace.pulumi(up);
}
