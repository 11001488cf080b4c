import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/cloud-process.ts";
import { unknownSentinel } from "../support/fake-engine.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace, yamlProgram, type PulumiWorkspace } from "../support/pulumi-workspace.ts";
import { nameOf, previewCells, tell, ways, type PreviewCell, type Told, type Way } from "./preview-cells.ts";

/** What happened to a resource, or is going to, and what became of its inputs and outputs. A preview does not show outputs. */
interface Row {
  readonly op: string;
  readonly urn: string;
  readonly id?: string;
  readonly inputs: Inputs;
  readonly outputs?: Readonly<Record<string, unknown>>;
}
type Inputs = Readonly<Record<string, unknown>> & { readonly triggers?: { readonly imageUri?: string }; readonly buildArgs?: object };
type Rows = ReadonlyMap<string, Row>;

interface Exported {
  readonly deployment: {
    readonly resources: readonly {
      readonly urn: string;
      readonly id?: string;
      readonly modified?: string;
      readonly inputs?: Inputs;
      readonly outputs?: Row["outputs"];
    }[];
  };
}

const flags = ["--suppress-progress"];

/**
 * The matrix as people walk it: one program holds every cell at once, each with a dependant that shows what the cell's outputs are to others.
 * A stack of the program as it was goes each of the ways to the program as it is, from the same state each time.
 */
describe("the preview matrix by the real CLI", () => {
  let world: LocalWorld;
  let workspace: PulumiWorkspace;
  let contexts: {
    readonly before: string;
    readonly found: string;
    readonly gone: string;
    readonly dependant: string;
    readonly pending: string;
  };
  let before_: Rows;
  const seen = new Map<Way, { readonly rows: Rows; readonly later: string }>();

  before(async function () {
    this.timeout(180_000);
    world = await startWorld();
    contexts = {
      before: context("before"),
      found: context("found"),
      gone: context("gone"),
      dependant: context("dependant"),
      pending: context("pending"),
    };
    workspace = await createWorkspace({ program: makeFolder({ "Pulumi.yaml": earlierProgram() }), env: world.env });
    await workspace.pulumi(["up", "--yes", "--skip-preview", ...flags]);
    await workspace.pulumi(["stack", "export", "--file", "before.json"]);
    before_ = rowsOfState(await exported(), new Map());
    aws("batch-delete-image", "--repository-name", "app", "--image-ids", `imageDigest=${String(outputs("gone")["digest"])}`);
    for (const way of ways) await walk(way);
  });
  after(async () => {
    workspace.close();
    removeFolders();
    await world.stop();
  });

  const aws = (...args: string[]): string => run("aws", ["ecr", ...args], world.env);
  const context = (note: string): string => makeFolder({ Dockerfile: `FROM ${world.base}\nARG A\nCOPY note /\n`, note });
  const exported = async (): Promise<Exported> => JSON.parse((await workspace.pulumi(["stack", "export"])).stdout) as Exported;
  const outputs = (name: string): Readonly<Record<string, unknown>> => before_.get(name)?.outputs ?? assert.fail(name);

  function image(properties: Record<string, unknown>) {
    const defaults = { repositoryUrl: world.repositoryUrl, project: world.project, contextBucket: world.bucket };
    return { type: "cloudbuild:CloudBuildImage", properties: { ...defaults, ...properties } };
  }

  /** Shows others' view of a cell: by its content it depends on `imageUri`; the volatile build args show more, and decide nothing. */
  function dependant(cell: string) {
    return image({
      context: contexts.dependant,
      triggers: { imageUri: `\${${cell}.imageUri}` },
      buildArgs: { DIGEST: `\${${cell}.digest}`, OUTCOME: `is \${${cell}.outcome}`, TAG: `\${${cell}.contentTag}` },
      volatileBuildArgs: ["DIGEST", "OUTCOME", "TAG"],
    });
  }

  function withDependants(cells: readonly (readonly [number, object])[]): Record<string, object> {
    return Object.fromEntries(
      cells.flatMap(([i, cell]) => [
        [`cell${i}`, cell],
        [`dependant${i}`, dependant(`cell${i}`)],
      ]),
    );
  }

  function earlierProgram(): string {
    const cells = previewCells.flatMap(({ operation, content }, i): [number, object][] => {
      if (operation === "create") return [];
      const gone = operation === "no change" && content === "not in ECR";
      return [[i, image({ ...plain(), context: gone ? contexts.gone : contexts.before })]];
    });
    const first = { pending: image({ context: contexts.pending }), found: image({ ...plain(), context: contexts.found }) };
    return yamlProgram({ ...first, gone: image({ ...plain(), context: contexts.gone }), ...withDependants(cells) });
  }

  const plain = () => ({ buildArgs: { A: "1" }, platforms: ["linux/amd64"] });

  /** `missing`: a context that was never built. `later`: a repository that is not there yet. */
  function laterProgram(way: Way, missing: string, later: string): string {
    const contextOf = ({ operation, content }: PreviewCell): string => {
      if (operation === "no change") return content === "in ECR" ? contexts.before : contexts.gone;
      return content === "in ECR" ? contexts.found : missing;
    };
    const cells = previewCells.map((cell, i): [number, object] => {
      const repositoryUrl = cell.repository === "exists" ? world.repositoryUrl : later;
      const properties = { ...plain(), repositoryUrl, project: world.project, context: contextOf(cell) };
      return [i, image({ ...properties, ...hidden(cell, properties) })];
    });
    const pending = image({ context: contexts.pending, triggers: { way } });
    const found = image({ ...plain(), context: contexts.found });
    return yamlProgram({ pending, found, ...withDependants(cells) });
  }

  /** The same value, but only known when `pending` is. */
  const late = (value: string) => ({ "fn::select": [0, { "fn::split": [" ", `${value} \${pending.digest}`] }] });

  function hidden({ unknown }: PreviewCell, { repositoryUrl, project }: { repositoryUrl: string; project: string }): object {
    switch (unknown) {
      case "nothing":
        return {};
      case "a build arg":
        return { buildArgs: { A: late("1") } };
      case "a platform":
        return { platforms: [late("linux/amd64")] };
      case "repositoryUrl":
        return { repositoryUrl: late(repositoryUrl) };
      case "project":
        return { project: late(project) };
    }
  }

  async function walk(way: Way): Promise<void> {
    const name = `later-${ways.indexOf(way)}`;
    const later = `${world.registry}/${name}`;
    writeFileSync(join(workspace.folder, "Pulumi.yaml"), laterProgram(way, context(`missing ${way}`), later));
    await workspace.pulumi(["stack", "import", "--file", "before.json"]);
    seen.set(way, { rows: await rowsOf(), later });

    async function rowsOf(): Promise<Rows> {
      const targets = ["--target", "**::cell*", "--target", "**::dependant*"];
      switch (way) {
        case "preview":
          return preview();
        case "preview --refresh":
          return preview("--refresh");
        case "preview --target":
          return preview(...targets);
        case "up":
          return up();
        case "up --target":
          return up(...targets);
        case "up --plan":
          await preview("--save-plan", "plan.json");
          return up("--plan", "plan.json");
      }
    }

    async function preview(...more: string[]): Promise<Rows> {
      const { stdout } = await workspace.pulumi(["preview", "--json", "--show-sames", ...more]);
      const { steps } = JSON.parse(stdout) as { steps: { op: string; urn: string; newState?: { inputs?: Inputs } }[] };
      return new Map(steps.map(({ op, urn, newState }) => [nameIn(urn), { op, urn, inputs: newState?.inputs ?? {} }]));
    }

    async function up(...more: string[]): Promise<Rows> {
      aws("create-repository", "--repository-name", name);
      const earlier = new Map((await exported()).deployment.resources.map(({ urn, modified }) => [nameIn(urn), modified]));
      await workspace.pulumi(["up", "--yes", ...flags, ...more]);
      const rows = rowsOfState(await exported(), earlier);
      if (way === "up") await workspace.pulumi(["preview", "--expect-no-changes", ...flags]);
      return rows;
    }
  }

  function rowsOfState({ deployment }: Exported, earlier: ReadonlyMap<string, string | undefined>): Rows {
    return new Map(
      deployment.resources.map(({ urn, id = "", modified, inputs = {}, outputs = {} }) => {
        const name = nameIn(urn);
        const op = !earlier.has(name) ? "create" : earlier.get(name) === modified ? "same" : "update";
        return [name, { op, urn, id, inputs, outputs }];
      }),
    );
  }

  const nameIn = (urn: string): string => urn.split("::").at(-1) ?? "";

  /** What happens to a cell, or to who uses its `imageUri`. */
  function opOf({ operation, content }: PreviewCell, way: Way, told: Told): string {
    if (told === "kept") return "same";
    const recreated = operation === "no change" && content === "not in ECR" && way === "preview --refresh";
    return operation === "create" || recreated ? "create" : "update";
  }

  for (const way of ways) {
    describe(way, () => {
      for (const [i, cell] of previewCells.entries()) {
        const told = tell(cell, way);
        it(`tells what can be known: ${nameOf(cell)}: ${told}`, () => {
          const { rows, later } = seen.get(way) ?? assert.fail(`${way} was not walked`);
          const [row, user] = [rows.get(`cell${i}`), rows.get(`dependant${i}`)];
          assert.ok(row !== undefined && user !== undefined);
          assert.equal(row.op, opOf(cell, way, told));
          assert.equal(user.op, cell.operation === "create" ? "create" : told === "kept" ? "same" : "update", "its dependant");

          const repository = cell.repository === "exists" ? world.repositoryUrl : later;
          const others = { imageUri: user.inputs.triggers?.imageUri, ...user.inputs.buildArgs } as Record<string, string>;
          switch (told) {
            case "kept":
              if (row.outputs !== undefined) assert.deepEqual(row.outputs, outputs(`cell${i}`));
              assert.deepEqual(user.inputs, before_.get(`dependant${i}`)?.inputs);
              break;
            case "found": {
              const { digest, contentTag: TAG } = outputs("found");
              assert.deepEqual(others, { imageUri: `${repository}@${String(digest)}`, DIGEST: digest, OUTCOME: "is reused", TAG });
              break;
            }
            case "unknown": {
              const { TAG, ...settled } = others;
              assert.deepEqual(settled, { imageUri: unknownSentinel, DIGEST: unknownSentinel, OUTCOME: unknownSentinel });
              const tellsContent = way === "preview --target" || !["a build arg", "a platform"].includes(cell.unknown);
              assert.equal(TAG?.startsWith("cb-"), tellsContent);
              break;
            }
            case "built": {
              const { imageUri, DIGEST, OUTCOME, TAG } = others;
              assert.equal(imageUri, `${repository}@${DIGEST}`);
              assert.equal(world.crane("digest", `${repository}:${TAG}`).trim(), DIGEST);
              assert.match(OUTCOME ?? "", /^is (built|adopted|reused)$/);
              assert.equal(
                [...before_.values()].some(({ outputs }) => outputs?.["digest"] === DIGEST),
                false,
                "new",
              );
            }
          }
        });
      }
    });
  }

  it("names each resource by its repository and its URN, and never otherwise", () => {
    const updated = [...(seen.get("up")?.rows ?? [])].filter(([name, { op }]) => name.startsWith("cell") && op !== "create");
    assert.ok(updated.some(([, { op }]) => op === "update"));
    for (const [name, { id, urn }] of updated) {
      assert.equal(id, `${world.repositoryUrl}#${createHash("sha256").update(urn).digest("hex").slice(0, 12)}`);
      assert.equal(id, before_.get(name)?.id);
    }
  });
});
