import assert from "node:assert/strict";
import { parseIgnoreFile } from "../../../../provider/src/context/files/ignore-file.ts";
import { createIgnoreMatcher } from "../../../../provider/src/context/files/ignore-matcher.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";

/** Judges a path with the states of its folders, as the walker does. */
function ignores(file: string, path: string): boolean {
  const matcher = createIgnoreMatcher(parseIgnoreFile(file, ".dockerignore"));
  const parts = path.split("/");
  let verdict = matcher.judge(parts[0] ?? "", undefined);
  for (let i = 2; i <= parts.length; i += 1) verdict = matcher.judge(parts.slice(0, i).join("/"), verdict.state);
  return verdict.ignored;
}

describe("ignore files", () => {
  // What moby/patternmatcher's own tests say, and Docker's documentation.
  const cases: readonly (readonly [pattern: string, path: string, ignored: boolean])[] = [
    ["a.txt", "a.txt", true],
    ["a.txt", "b/a.txt", false],
    ["/a.txt", "a.txt", true],
    ["*.txt", "a.txt", true],
    ["*.txt", "b/a.txt", false],
    ["**/*.txt", "b/c/a.txt", true],
    ["**/*.txt", "a.txt", true],
    ["**", "anything/at/all", true],
    ["dir", "dir/inside", true],
    ["dir/", "dir/inside", true],
    ["dir/*", "dir/inside/deep", true],
    ["dir/**", "dir/inside/deep", true],
    ["dir/**", "dir2/file", false],
    ["**/dir2/*", "dir/dir2/file", true],
    ["**/dir2/**", "dir/dir2/dir2/file", true],
    ["**file", "file", true],
    ["**file", "dir/file", true],
    ["**/file", "dir/dir/file", true],
    ["**/file*", "dir/dir/file.txt", true],
    ["**/file*txt", "dir/dir/file.txt", true],
    ["a**/*.txt", "a/file.txt", true],
    ["a**/*.txt", "a/dir/dir/file.txt", true],
    ["a/*.txt", "a/dir/file.txt", false],
    ["a/*.txt", "a/file.txt", true],
    ["a[b-d]e", "ae", false],
    ["a[b-d]e", "ace", true],
    ["a[^b-d]e", "aze", true],
    ["a[^b-d]e", "ace", false],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    [".*", ".foo", true],
    [".*", "foo", false],
    ["abc.def", "abcdef", false],
    ["abc?def", "abcZdef", true],
    ["abc?def", "abcdef", false],
    ["a(b)c", "a(b)c", true],
    ["a.|)$(}+{bc", "a.|)$(}+{bc", true],
    ["dist/**/*.map\n!dist/keep.map", "dist/keep.map", false],
    ["*\n!a", "a", false],
    ["*\n!a", "b", true],
    ["*\n!dir/file", "dir/file", false],
    ["*\n!dir/file", "dir/other", true],
    ["dir\n!dir/keep\ndir/keep/secret", "dir/keep/secret", true],
    ["dir\n!dir/keep\ndir/keep/secret", "dir/keep/public", false],
    ["!a\na", "a", true],
    ["# a comment\n\n  spaced  \n", "spaced", true],
    [" # not a comment", "# not a comment", true],
    ["a/../b", "b", true],
    ["./b", "b", true],
    ["\ufeffa", "a", true],
    ["a\r", "a", true],
    ["caf\u00e9/*", "caf\u00e9/x", true],
    ["?", "\u{1f600}", true],
  ];
  for (const [file, path, expected] of cases) {
    it(`${JSON.stringify(file)} ${expected ? "ignores" : "lets in"} ${path}`, () => assert.equal(ignores(file, path), expected));
  }

  for (const pattern of ["[", "[]", "a[b-]c", "[b-a]", "a\\", "[^]", "!"]) {
    it(`refuses ${pattern} and names its line`, () => {
      assert.throws(
        () => parseIgnoreFile(`ok\n${pattern}\n`, ".dockerignore"),
        (error: unknown) =>
          hasCode(error, "ignore-pattern-malformed") && error.message.includes(".dockerignore line 2") && error.property === "context",
      );
    });
  }

  it("enters an ignored folder only if something in it may be let in again", () => {
    const matcher = createIgnoreMatcher(parseIgnoreFile("*\n!src/app", ".dockerignore"));
    assert.equal(matcher.mayReadmit("src"), true);
    assert.equal(matcher.mayReadmit("node_modules"), false);
    assert.equal(createIgnoreMatcher(parseIgnoreFile("*\n!**/x", "f")).mayReadmit("node_modules"), true);
  });
});
