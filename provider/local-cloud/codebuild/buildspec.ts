import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { isObject, type Json, type JsonObject } from "../json.ts";

export const phaseNames = ["install", "pre_build", "build", "post_build"] as const;
export type PhaseName = (typeof phaseNames)[number];

export interface BuildspecPhase {
  readonly commands: readonly string[];
  readonly finally: readonly string[];
  readonly onFailure: "ABORT" | "CONTINUE";
}

export interface Buildspec {
  readonly shell: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly exported: readonly string[];
  readonly phases: Readonly<Partial<Record<PhaseName, BuildspecPhase>>>;
}

/** A buildspec that CodeBuild would refuse, or that asks for what the local cloud does not have. */
export class BuildspecError extends Error {
  override readonly name = "BuildspecError";
}

/** A project's buildspec is its text, or the path of a file in its source: `buildspec.yml` if it says nothing. */
export function readBuildspec(said: string, source: string): string {
  if (/[\n{:]/.test(said)) return said;
  const path = said === "" ? "buildspec.yml" : said;
  try {
    return readFileSync(join(source, path), "utf8");
  } catch {
    throw new BuildspecError(`${path}: no such file or directory`);
  }
}

/** Parses a buildspec of version 0.2 (docs: build-spec-ref). What is not implemented is refused, never ignored. */
export function parseBuildspec(text: string): Buildspec {
  let document: Json;
  try {
    document = parse(text) as Json;
  } catch (error) {
    throw new BuildspecError(`the buildspec is not YAML: ${(error as Error).message}`);
  }
  if (!isObject(document)) throw new BuildspecError("the buildspec is not a mapping");
  refuseOthers(document, "the buildspec", ["version", "env", "phases", "run-as", "artifacts", "cache", "reports", "proxy"]);
  const version = scalar(document["version"], "version");
  if (version !== "0.2") throw new BuildspecError(`version "${version}" is not implemented in the local cloud; expected 0.2`);
  for (const name of ["run-as", "artifacts", "reports", "proxy"]) {
    if (document[name] !== undefined) throw new BuildspecError(`"${name}" is not implemented in the local cloud`);
  }
  const env = mapping(document["env"], "env");
  refuseOthers(env, "env", ["shell", "variables", "exported-variables"]);
  const shell = env["shell"] ?? "sh";
  if (shell !== "sh" && shell !== "bash")
    throw new BuildspecError(`shell "${JSON.stringify(shell)}" is not implemented in the local cloud`);
  const phases = mapping(document["phases"], "phases");
  refuseOthers(phases, "phases", phaseNames);
  return {
    shell,
    variables: Object.fromEntries(
      Object.entries(mapping(env["variables"], "env.variables")).map(([name, value]) => [name, scalar(value, name)]),
    ),
    exported: texts(env["exported-variables"], "env.exported-variables"),
    phases: Object.fromEntries(
      phaseNames.flatMap((name) => (phases[name] === undefined ? [] : [[name, phaseOf(phases[name], name)] as const])),
    ),
  };
}

function phaseOf(value: Json, name: string): BuildspecPhase {
  const phase = mapping(value, `phases.${name}`);
  refuseOthers(phase, `phases.${name}`, ["commands", "finally", "on-failure"]);
  const onFailure = phase["on-failure"] ?? "ABORT";
  if (onFailure !== "ABORT" && onFailure !== "CONTINUE") {
    throw new BuildspecError(`on-failure "${JSON.stringify(onFailure)}" is not implemented in the local cloud; expected ABORT or CONTINUE`);
  }
  return {
    commands: texts(phase["commands"], `phases.${name}.commands`),
    finally: texts(phase["finally"], `phases.${name}.finally`),
    onFailure,
  };
}

function mapping(value: Json | undefined, path: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new BuildspecError(`"${path}" is not a mapping`);
  return value;
}

function texts(value: Json | undefined, path: string): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) throw new BuildspecError(`"${path}" is not a list`);
  return (value as readonly Json[]).map((item) => scalar(item, path));
}

function scalar(value: Json | undefined, path: string): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw new BuildspecError(`"${path}" holds what is no text`);
}

function refuseOthers(value: JsonObject, path: string, known: readonly string[]): void {
  const other = Object.keys(value).find((key) => !known.includes(key));
  if (other !== undefined) throw new BuildspecError(`"${other}" of ${path} is unknown; known are ${known.join(", ")}`);
}
