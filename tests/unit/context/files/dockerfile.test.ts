import assert from "node:assert/strict";
import { parseDockerfile, requireTarget } from "../../../../provider/src/context/files/dockerfile.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";

describe("reading a Dockerfile", () => {
  const accepted: readonly (readonly [name: string, text: string, stages: readonly (string | undefined)[]])[] = [
    ["stages with and without a name", "FROM a AS One\nRUN x\nFROM b\n", ["one", undefined]],
    ["ARG before FROM", "ARG BASE=x\nFROM ${BASE}\n", [undefined]],
    ["lower case", "from a as b\nrun true\n", ["b"]],
    ["a continued line with a comment and a blank line in it", "FROM a\nRUN one \\\n# note\n\n  two\nCMD x\n", [undefined]],
    ["the backquote as escape", "# escape=`\nFROM a\nRUN one `\n  NOTHING\n", [undefined]],
    [
      "a here-document that holds what looks like instructions",
      "FROM a\nRUN <<EOF\nNOT an instruction\nFROM trap\nEOF\nCMD x\n",
      [undefined],
    ],
    ["two here-documents", "FROM a\nCOPY <<one <<-two /x/\nBODY\none\n\tBODY\n\ttwo\nCMD x\n", [undefined]],
    ["a quoted here-document", "FROM a\nRUN cat <<'E F'\nBODY\nE F\nCMD x\n", [undefined]],
    ["arithmetic that is no here-document", "FROM a\nRUN echo $((1<<2)) \"<<X\" '<<Y'\nCMD x\n", [undefined]],
    ["a here-string", "FROM a\nRUN cat <<<word\nCMD x\n", [undefined]],
    ["the JSON form with << in it", 'FROM a\nRUN ["cat", "<<EOF"]\nCMD x\n', [undefined]],
    ["a syntax line, with any instruction", "# syntax=example/dialect\nFROM a\nINCLUDE other\n", [undefined]],
    ["CRLF and a byte order mark", "\ufeffFROM a\r\nRUN x\r\n", [undefined]],
    ["ONBUILD", "FROM a\nONBUILD RUN x\n", [undefined]],
    ["flags of FROM", "FROM --platform=$BUILDPLATFORM a AS b\n", ["b"]],
  ];
  for (const [name, text, stages] of accepted) {
    it(`takes ${name}`, () =>
      assert.deepEqual(
        parseDockerfile(text).map((stage) => stage.name),
        stages,
      ));
  }

  const refused: readonly (readonly [name: string, text: string, said: string])[] = [
    ["an unknown instruction", "FROM a\nRUNN x\n", 'line 2 of the Dockerfile: "RUNN" is not an instruction'],
    ["no FROM", "# nothing\n", "there is no FROM"],
    ["an empty file", "", "there is no FROM"],
    ["an instruction before FROM", "RUN x\nFROM a\n", '"RUN" comes before the first FROM'],
    ["an unended here-document", "FROM a\nRUN <<EOF\nx\n", 'the here-document "EOF" is not ended'],
  ];
  for (const [name, text, said] of refused) {
    it(`refuses a Dockerfile with ${name}`, () => {
      assert.throws(
        () => parseDockerfile(text),
        (error) => hasCode(error, "dockerfile-invalid") && error.message.includes(said) && error.property === "dockerfile",
      );
    });
  }

  it("finds a target by name in any case, or by number", () => {
    const stages = parseDockerfile("FROM a AS build\nFROM b\n");
    for (const target of ["build", "BUILD", "0", "1"]) requireTarget(stages, target);
    assert.throws(
      () => requireTarget(stages, "missing"),
      (error) => hasCode(error, "target-unknown") && error.message.includes("build, 1"),
    );
  });
});
