import assert from "node:assert/strict";
import schema from "../schema.json" with { type: "json" };
import packageJson from "../package.json" with { type: "json" };
import { getImageInputs, getImageToken } from "../provider/src/functions/get-image.ts";
import {
  buildspecChoices,
  computedInputs,
  logsChoices,
  onDeleteChoices,
  onMissingChoices,
  userInputs,
} from "../provider/src/resources/image/image-args.ts";
import { imageType } from "../provider/src/resources/image/image-resource.ts";
import { imageState, type Outcome } from "../provider/src/resources/image/image-state.ts";
import { checkProviderConfig, serviceNames } from "../provider/src/resources/provider/provider-config.ts";
import { parseRepository } from "../provider/src/image/repository.ts";

const image = schema.resources[imageType];
const sorted = (names: Iterable<string>): string[] => [...names].sort();
const valuesOf = (type: { enum: readonly { value: string }[] }): string[] => sorted(type.enum.map(({ value }) => value));

describe("schema.json is what the code does", () => {
  it("has the package's version", () => assert.equal(schema.version, packageJson.version));

  it("has the code's inputs, and none that Check computes", () => {
    assert.deepEqual(sorted(Object.keys(image.inputProperties)), sorted(userInputs));
    assert.equal(
      computedInputs.some((name) => name in image.inputProperties),
      false,
    );
  });

  it("requires no input that an import cannot know", () => assert.deepEqual(image.requiredInputs, ["repositoryUrl"]));

  it("has the code's outputs", () => {
    const inputs = Object.fromEntries([...userInputs, ...computedInputs].map((name) => [name, "x"]));
    const plan = { repository: parseRepository("127.0.0.1:5000/app"), tags: [], contentTag: "cb-" };
    const outcome: Outcome = "built";
    const state = imageState(inputs, plan, {
      digest: "sha256:",
      platformDigests: {},
      outcome,
      build: { id: "x", seconds: 1, logsUrl: "x" },
    });
    assert.deepEqual(sorted(Object.keys(image.properties)), sorted(Object.keys(state)));
  });

  it("has the code's functions and their arguments", () => {
    assert.deepEqual(Object.keys(schema.functions), [getImageToken]);
    assert.deepEqual(sorted(Object.keys(schema.functions[getImageToken].inputs.properties)), sorted(getImageInputs));
  });

  it("has the code's choices", () => {
    assert.deepEqual(valuesOf(schema.types["cloudbuild:index:Buildspec"]), sorted(buildspecChoices));
    assert.deepEqual(valuesOf(schema.types["cloudbuild:index:OnMissing"]), sorted(onMissingChoices));
    assert.deepEqual(valuesOf(schema.types["cloudbuild:index:OnDelete"]), sorted(onDeleteChoices));
    assert.deepEqual(valuesOf(schema.types["cloudbuild:index:Logs"]), sorted(logsChoices));
    assert.deepEqual(
      valuesOf(schema.types["cloudbuild:index:Outcome"]),
      sorted(["built", "adopted", "reused", "retagged"] satisfies Outcome[]),
    );
  });

  it("has the code's provider settings, in both places the schema names them", () => {
    const settings = sorted(Object.keys(schema.provider.inputProperties));
    assert.deepEqual(sorted(Object.keys(schema.config.variables)), settings);
    for (const name of settings)
      assert.deepEqual(
        checkProviderConfig({ [name]: {} }).filter(({ reason }) => reason.includes("is not a property")),
        [],
      );
    const [refused] = checkProviderConfig({ bogus: "x" });
    assert.deepEqual(
      settings.filter((name) => !refused?.reason.includes(name)),
      [],
    );
    assert.deepEqual(sorted(Object.keys(schema.types["cloudbuild:index:Endpoints"].properties)), sorted(serviceNames));
  });

  it("describes everything it has", () => {
    const described: [string, { description?: string }][] = [
      ...Object.entries(image.inputProperties),
      ...Object.entries(image.properties),
      ...Object.entries(schema.provider.inputProperties),
      ...Object.entries(schema.types).flatMap(([type, about]) =>
        "properties" in about
          ? Object.entries<{ description?: string }>(about.properties).map(([name, property]): [string, { description?: string }] => [
              `${type}.${name}`,
              property,
            ])
          : [],
      ),
    ];
    assert.deepEqual(
      described.filter(([, { description }]) => (description ?? "") === "").map(([name]) => name),
      [],
    );
  });
});
