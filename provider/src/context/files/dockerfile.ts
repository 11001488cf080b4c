import { CloudBuildError } from "../../errors/cloudbuild-error.ts";

/** A stage of a Dockerfile: one FROM. */
export interface Stage {
  /** The name behind AS, in lower case as BuildKit compares it. */
  readonly name?: string;
}

const instructions: ReadonlySet<string> = new Set(
  "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR".split(" "),
);
/** Instructions in which BuildKit looks for here-documents. */
const withHeredocs: ReadonlySet<string> = new Set(["ADD", "COPY", "RUN"]);

interface Directives {
  readonly escape: string;
  readonly syntax: boolean;
  /** Lines before the first that is no directive. */
  readonly lines: number;
}

/**
 * Reads a Dockerfile as far as it takes to find what is surely wrong: an unknown instruction, no FROM, an unended here-document. Never
 * refuses what BuildKit takes; with a `# syntax=` line, which may name another language, only stages are read.
 */
export function parseDockerfile(text: string): readonly Stage[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const directives = readDirectives(lines);
  const stages: Stage[] = [];
  for (let at = directives.lines; at < lines.length;) {
    const { instruction, line, next } = readInstruction(lines, at, directives);
    at = next;
    if (instruction === "") continue;
    const word = (/^\S+/.exec(instruction)?.[0] ?? "").toUpperCase();
    if (word === "FROM") stages.push(stageOf(instruction));
    if (directives.syntax) continue;
    if (!instructions.has(word)) throw invalid(line, `"${word}" is not an instruction`);
    if (stages.length === 0 && word !== "ARG") throw invalid(line, `"${word}" comes before the first FROM; only ARG may`);
  }
  if (stages.length === 0 && !directives.syntax) throw invalid(lines.length, "there is no FROM");
  return stages;
}

/** Refuses a target that no stage answers to. A target is a stage's name, in any case, or its number counted from 0. */
export function requireTarget(stages: readonly Stage[], target: string): void {
  const wanted = target.toLowerCase();
  const known = stages.some(({ name }, i) => name === wanted || String(i) === wanted);
  if (known) return;
  const names = stages.map(({ name }, i) => name ?? String(i)).join(", ");
  throw new CloudBuildError("target-unknown", `"${target}" is not a stage of the Dockerfile; its stages are ${names}`, {
    property: "target",
  });
}

function readDirectives(lines: readonly string[]): Directives {
  let escape = "\\";
  let syntax = false;
  let count = lines[0]?.startsWith("#!") === true ? 1 : 0;
  for (; count < lines.length; count += 1) {
    const [, key, value] = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(lines[count] ?? "") ?? [];
    if (key === undefined) break;
    if (key.toLowerCase() === "escape" && value === "`") escape = "`";
    if (key.toLowerCase() === "syntax") syntax = true;
  }
  return { escape, syntax, lines: count };
}

/** One instruction with its continued lines joined, and where the next one begins. Empty for blank lines and comments. */
function readInstruction(lines: readonly string[], from: number, { escape }: Directives) {
  const continued = new RegExp(`${escape === "\\" ? "\\\\" : escape}[ \\t]*$`);
  let text = "";
  let at = from;
  for (let more = true; more && at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const inside = text !== "";
    if (/^\s*#/.test(line) || (inside && line.trim() === "")) continue;
    more = continued.test(line);
    text += more ? line.replace(continued, "") : line;
    if (!inside && text.trim() === "" && !more) break;
  }
  const instruction = text.trim();
  const next = Math.max(at, from + 1);
  return { instruction, line: from + 1, next: afterHeredocs(instruction, lines, next, from) };
}

/** Skips the bodies of the here-documents that an instruction opens. */
function afterHeredocs(instruction: string, lines: readonly string[], next: number, from: number): number {
  let at = next;
  for (const { end, stripsTabs } of heredocsOf(instruction)) {
    const found = lines.findIndex((line, i) => i >= at && (stripsTabs ? line.replace(/^\t+/, "") : line) === end);
    if (found < 0) throw invalid(from + 1, `the here-document "${end}" is not ended`);
    at = found + 1;
  }
  return at;
}

/** A shell word, its quotes left in it. */
const shellWord = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g;
const heredocWord = /^\d*<<(-?)([^<]+)$/;

/** A here-document is a whole word `<<NAME`; in a quoted string, in arithmetic or in the JSON form the same characters mean nothing. */
function heredocsOf(instruction: string): { end: string; stripsTabs: boolean }[] {
  const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(instruction) ?? [];
  if (word.toUpperCase() === "ONBUILD") return heredocsOf(rest);
  const body = rest.replace(/^(?:--\S+\s+)+/, "");
  if (!withHeredocs.has(word.toUpperCase()) || isJsonForm(body)) return [];
  return (body.match(shellWord) ?? []).flatMap((shell) => {
    const [, dash, name] = heredocWord.exec(shell) ?? [];
    return name === undefined ? [] : [{ end: name.replaceAll(/["']/g, ""), stripsTabs: dash === "-" }];
  });
}

function isJsonForm(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

function stageOf(instruction: string): Stage {
  const name = /\sAS\s+(\S+)\s*$/i.exec(instruction)?.[1];
  return name === undefined ? {} : { name: name.toLowerCase() };
}

function invalid(line: number, what: string): CloudBuildError {
  return new CloudBuildError("dockerfile-invalid", `line ${line} of the Dockerfile: ${what}`, { property: "dockerfile" });
}
