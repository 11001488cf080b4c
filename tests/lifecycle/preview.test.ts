import assert from "node:assert/strict";
import { startFakeEngine, unknownSentinel, imageUrn, type FakeEngine, type Json } from "../support/fake-engine.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { startProvider, type ProviderProcess } from "../support/provider-process.ts";
import { nameOf, previewCells, tell, type PreviewCell } from "./preview-cells.ts";

describe("the preview matrix", () => {
  let world: LocalWorld;
  let engine: FakeEngine;
  let provider: ProviderProcess;
  /** Two contents, of which one is built. */
  const contexts: Record<PreviewCell["content"], string> = { "in ECR": "", "not in ECR": "" };
  let built: { id: string; inputs: Json; state: Json };
  /** What updates start from: an image of a third content. */
  let before_: { id: string; inputs: Json; state: Json };

  before(async () => {
    world = await startWorld();
    engine = await startFakeEngine();
    provider = await startProvider({ engine, env: world.env, config: { contextBucket: world.bucket } });
    const context = (note: string) => makeFolder({ Dockerfile: `FROM ${world.base}\nARG A\nCOPY note /\n`, note });
    contexts["in ECR"] = context("in");
    contexts["not in ECR"] = context("not in");
    built = await create("built", contexts["in ECR"]);
    before_ = await create("before", context("before"));
  });
  after(async () => {
    await provider.stop();
    engine.close();
    await world.stop();
    removeFolders();
  });

  function inputsOf(context: string): Json {
    return { repositoryUrl: world.repositoryUrl, context, buildArgs: { A: "1" }, platforms: ["linux/amd64"], project: world.project };
  }

  async function checked(urn: string, news: Json): Promise<Json> {
    const { inputs, failures } = await provider.client.check(urn, news);
    assert.deepEqual(failures, []);
    return inputs;
  }

  async function create(name: string, context: string): Promise<{ id: string; inputs: Json; state: Json }> {
    const inputs = await checked(imageUrn(name), inputsOf(context));
    return { ...(await provider.client.create(imageUrn(name), inputs)), inputs };
  }

  function hide(news: Json, what: PreviewCell["unknown"]): Json {
    switch (what) {
      case "nothing":
        return news;
      case "a build arg":
        return { ...news, buildArgs: { A: unknownSentinel } };
      case "a platform":
        return { ...news, platforms: [unknownSentinel] };
      case "repositoryUrl":
      case "project":
        return { ...news, [what]: unknownSentinel };
    }
  }

  // What did not change is not previewed: the engine asks only for its diff, and keeps its outputs, whatever the registry has.
  for (const cell of previewCells.filter(({ operation, content }) => operation === "no change" && content === "in ECR")) {
    const told = tell(cell, "preview");
    it(`tells what can be known: ${nameOf(cell)}: ${told}`, async () => {
      const newInputs = await checked(imageUrn("before"), hide(inputsOf(String(before_.inputs["context"])), cell.unknown));
      await world.resetCalls();
      const { changes } = await provider.client.diff(imageUrn("before"), before_.id, {
        state: before_.state,
        oldInputs: before_.inputs,
        newInputs,
      });
      assert.equal(changes, told !== "kept");
      assert.deepEqual(await world.calls(), {});
    });
  }

  for (const cell of previewCells.filter(({ operation }) => operation !== "no change")) {
    const told = tell(cell, "preview");
    it(`tells what can be known: ${nameOf(cell)}: ${told}`, async () => {
      const { client } = provider;
      const urn = imageUrn("before");
      const repository = cell.repository === "exists" ? {} : { repositoryUrl: `${world.registry}/later` };
      const news = await checked(urn, hide({ ...inputsOf(contexts[cell.content]), ...repository }, cell.unknown));
      await world.resetCalls();
      const outputs =
        cell.operation === "create"
          ? (await client.create(urn, news, { preview: true })).state
          : await client.update(urn, before_.id, { state: before_.state, oldInputs: before_.inputs, newInputs: news }, { preview: true });
      const known = told === "found";
      assert.equal(outputs["digest"], known ? built.state["digest"] : unknownSentinel);
      assert.equal(outputs["imageUri"], known ? built.state["imageUri"] : unknownSentinel);
      assert.equal(outputs["outcome"], known ? "reused" : unknownSentinel);
      assert.equal(JSON.stringify(outputs).includes('""'), false, "nothing is empty");
      const calls = await world.calls();
      assert.ok((calls["ecr:BatchGetImage"] ?? 0) <= 1);
      assert.deepEqual(
        Object.keys(calls).filter((call) => call.startsWith("codebuild:") || call === "s3:PutObject"),
        [],
      );
    });
  }
});
