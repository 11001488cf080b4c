import { posix } from "node:path";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { parseIgnorePattern, type IgnorePattern } from "./ignore-pattern.ts";

/** The rules of a build context: the text they were read from, which is empty when there is no ignore file, says all of them. */
export interface IgnoreFile {
  readonly text: string;
  readonly patterns: readonly IgnorePattern[];
}

/**
 * Reads an ignore file as Docker does (moby/patternmatcher/ignorefile): comments begin in the first column, patterns are trimmed and
 * cleaned like paths, `!` negates, one leading slash is dropped. A malformed pattern is an error that names its line.
 *
 * @param name how the file is called in error texts
 */
export function parseIgnoreFile(text: string, name: string): readonly IgnorePattern[] {
  const lines = text.replace(/^\ufeff/, "").split("\n");
  return lines.flatMap((line, at) => {
    const pattern = line.startsWith("#") ? "" : goTrim(line);
    if (pattern === "") return [];
    try {
      return [parseIgnorePattern(cleaned(pattern))];
    } catch (cause) {
      throw new CloudBuildError(
        "ignore-pattern-malformed",
        `${name} line ${at + 1}: "${pattern}" is not a pattern: ${(cause as Error).message}`,
        {
          property: "context",
          cause,
        },
      );
    }
  });
}

function cleaned(pattern: string): string {
  const negated = pattern.startsWith("!");
  const body = negated ? goTrim(pattern.slice(1)) : pattern;
  if (body === "") return pattern.slice(0, 1);
  const path = goClean(body);
  const relative = path.length > 1 && path.startsWith("/") ? path.slice(1) : path;
  // The reference cleans once more when it compiles, mark and all: that makes `!/` the malformed `!`.
  return goClean(`${negated ? "!" : ""}${relative}`);
}

/** Go's path cleaning: like POSIX normalization, but no trailing slash and no leading double slash. */
function goClean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** Go's unicode.IsSpace: JavaScript's trim also takes U+FEFF, which Go keeps, and keeps U+0085, which Go takes. */
function goTrim(text: string): string {
  const space = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
  return text.replace(new RegExp(`^${space}`), "").replace(new RegExp(`${space}$`), "");
}
