import { createHash, randomUUID } from "node:crypto";
import { AwsError } from "../aws-error.ts";
import type { JsonService } from "../http/aws-json.ts";
import { epochSeconds, reader, type Json, type JsonObject, type Reader } from "../json.ts";
import { pageOf } from "../page.ts";
import { gitTypes, type BuildRecord, type PhaseRecord, type ProjectRecord, type Records, type Source, type Variable } from "./records.ts";
import type { Runner } from "./runner.ts";

const maxIds = 100;
const projectForm = /^[A-Za-z0-9][A-Za-z0-9\-_]{1,149}$/;
// A token stands for its build this long (API reference of StartBuild).
const tokenMs = 5 * 60_000;

export interface CodeBuildOptions {
  readonly records: Records;
  readonly runner: Runner;
  readonly accountId: string;
  readonly region: string;
  /** Where a person reads a build's log. */
  readonly logUrl: (group: string, stream: string) => string;
}

/** What StartBuild may be asked for here. Another override is refused, never ignored. */
const startMembers = [
  "projectName",
  "sourceTypeOverride",
  "sourceLocationOverride",
  "sourceVersion",
  "secondarySourcesOverride",
  "artifactsOverride",
  "buildspecOverride",
  "environmentVariablesOverride",
  "environmentTypeOverride",
  "imageOverride",
  "imagePullCredentialsTypeOverride",
  "computeTypeOverride",
  "privilegedModeOverride",
  "timeoutInMinutesOverride",
  "queuedTimeoutInMinutesOverride",
  "idempotencyToken",
];

export function createCodeBuild({ records, runner, accountId, region, logUrl }: CodeBuildOptions): JsonService {
  const read = (input: JsonObject): Reader => reader(input, "InvalidInputException");
  const arn = (resource: string): string => `arn:aws:codebuild:${region}:${accountId}:${resource}`;

  function projectNamed(name: string): ProjectRecord {
    const found = records.project(name);
    if (found === undefined) throw new AwsError("ResourceNotFoundException", `Project cannot be found: ${arn(`project/${name}`)}`);
    return found;
  }

  function describeProject({ name, createdAt, modifiedAt, settings }: ProjectRecord): JsonObject {
    return { ...settings, name, arn: arn(`project/${name}`), created: epochSeconds(createdAt), lastModified: epochSeconds(modifiedAt) };
  }

  function ids(raw: JsonObject, member: string): string[] {
    const all = read(raw).requiredTexts(member);
    if (all.length < 1 || all.length > maxIds)
      throw new AwsError("InvalidInputException", `Invalid input: ${member} must hold 1 to ${maxIds} members`);
    return all;
  }

  return {
    name: "codebuild",
    operations: {
      CreateProject(raw) {
        const name = read(raw).requiredText("name");
        if (!projectForm.test(name)) throw new AwsError("InvalidInputException", `Invalid project name: ${name}`);
        if (records.project(name) !== undefined)
          throw new AwsError("ResourceAlreadyExistsException", `Project already exists: ${arn(`project/${name}`)}`);
        const now = Date.now();
        const project: ProjectRecord = { name, createdAt: now, modifiedAt: now, settings: raw };
        records.putProject(project);
        return { project: describeProject(project) };
      },
      UpdateProject(raw) {
        const known = projectNamed(read(raw).requiredText("name"));
        const project = { ...known, modifiedAt: Date.now(), settings: { ...known.settings, ...raw } };
        records.putProject(project);
        return { project: describeProject(project) };
      },
      DeleteProject(raw) {
        records.deleteProject(read(raw).requiredText("name"));
        return {};
      },
      ListProjects: () => ({
        projects: records
          .projects()
          .map(({ name }) => name)
          .sort(),
      }),
      BatchGetProjects(raw) {
        const names = ids(raw, "names");
        const found = names.map((name) => records.project(name)).filter((one) => one !== undefined);
        return { projects: found.map(describeProject), projectsNotFound: names.filter((name) => records.project(name) === undefined) };
      },
      StartBuild: (raw) => startBuild(raw),
      BatchGetBuilds(raw) {
        const wanted = ids(raw, "ids");
        const found = wanted.map((id) => records.build(id)).filter((one) => one !== undefined);
        return { builds: found.map(describeBuild), buildsNotFound: wanted.filter((id) => records.build(id) === undefined) };
      },
      ListBuilds: (raw) => listBuilds(read(raw), records.builds()),
      ListBuildsForProject(raw) {
        const input = read(raw);
        const { name } = projectNamed(input.requiredText("projectName"));
        const builds = records.builds().filter(({ projectName }) => projectName === name);
        if (input.text("sortOrder") !== undefined && builds.length > maxIds) {
          throw new AwsError("InvalidInputException", "The sort order cannot be set for a project with more than 100 builds");
        }
        return listBuilds(input, builds);
      },
      async StopBuild(raw) {
        const id = read(raw).requiredText("id");
        const build = records.build(id);
        if (build === undefined) throw new AwsError("ResourceNotFoundException", `Build cannot be found: ${id}`);
        await runner.stop(id);
        return { build: describeBuild(build) };
      },
    },
  };

  function startBuild(raw: JsonObject): Json {
    const input = read(raw);
    const other = Object.keys(raw).find((member) => !startMembers.includes(member));
    if (other !== undefined) throw new AwsError("InvalidInputException", `The local cloud does not implement ${other} of StartBuild`);
    const project = projectNamed(input.requiredText("projectName"));
    const token = input.text("idempotencyToken");
    const request = createHash("sha256").update(JSON.stringify(raw)).digest("hex");
    const earlier = token === undefined ? undefined : buildOfToken(token);
    if (earlier !== undefined) {
      if (earlier.token?.request !== request) {
        throw new AwsError("InvalidInputException", "Idempotency token was used before with other parameters");
      }
      return { build: describeBuild(earlier) };
    }
    const build = newBuild(project, input, token === undefined ? undefined : { value: token, request });
    runner.enqueue(build);
    return { build: describeBuild(build) };
  }

  function buildOfToken(token: string): BuildRecord | undefined {
    return records.builds().findLast((build) => build.token?.value === token && Date.now() - build.startedAt < tokenMs);
  }

  function newBuild(project: ProjectRecord, input: Reader, token: BuildRecord["token"]): BuildRecord {
    const settings = read(project.settings);
    const environment = settings.object("environment") ?? {};
    const uuid = randomUUID();
    const id = `${project.name}:${uuid}`;
    const timeoutMinutes = minutes(input, "timeoutInMinutesOverride", 5, 2160) ?? settings.number("timeoutInMinutes") ?? 60;
    const cloudWatch = read(settings.object("logsConfig") ?? {}).object("cloudWatchLogs") ?? {};
    const prefix = read(cloudWatch).text("streamName");
    return {
      id,
      arn: arn(`build/${id}`),
      number: records.builds().filter(({ projectName }) => projectName === project.name).length + 1,
      projectName: project.name,
      startedAt: Date.now(),
      status: "IN_PROGRESS",
      currentPhase: "SUBMITTED",
      phases: [],
      sources: sourcesOf(input, settings),
      buildspec: input.text("buildspecOverride") ?? read(settings.object("source") ?? {}).text("buildspec") ?? "",
      environment: {
        ...environment,
        ...overrides(input, { type: "environmentTypeOverride", image: "imageOverride", computeType: "computeTypeOverride" }),
        privilegedMode: input.flag("privilegedModeOverride") ?? read(environment).flag("privilegedMode") ?? false,
      },
      variables: mergedVariables(variablesOf(environment, "environmentVariables"), input.objects("environmentVariablesOverride") ?? []),
      exported: [],
      timeoutMinutes,
      queuedTimeoutMinutes: minutes(input, "queuedTimeoutInMinutesOverride", 5, 480) ?? 480,
      logGroup: read(cloudWatch).text("groupName") ?? `/aws/codebuild/${project.name}`,
      logStream: prefix === undefined ? uuid : `${prefix}/${uuid}`,
      logOpen: false,
      ...(token === undefined ? {} : { token }),
    };
  }

  function sourcesOf(input: Reader, settings: Reader): Source[] {
    const projectSource = read(settings.object("source") ?? {});
    const type = input.text("sourceTypeOverride") ?? projectSource.text("type") ?? "NO_SOURCE";
    const location = input.text("sourceLocationOverride") ?? projectSource.text("location") ?? "";
    const secondary = (input.objects("secondarySourcesOverride") ?? []).map((source) => {
      const one = read(source);
      return {
        type: sourceType(one.requiredText("type")),
        location: one.requiredText("location"),
        identifier: one.requiredText("sourceIdentifier"),
      };
    });
    const version = input.text("sourceVersion") ?? settings.text("sourceVersion");
    const primary = sourceType(type);
    if (primary === "S3" && version !== undefined) {
      throw new AwsError("InvalidInputException", "The local cloud keeps no versions of objects, so sourceVersion cannot name one");
    }
    return [{ type: primary, location, ...(version === undefined ? {} : { version }) }, ...secondary];
  }

  function sourceType(type: string): Source["type"] {
    const known = (["S3", "NO_SOURCE", ...gitTypes] as const).find((one) => one === type);
    if (known !== undefined) return known;
    throw new AwsError("InvalidInputException", `The local cloud does not implement sources of type ${type}`);
  }

  function variablesOf(environment: JsonObject, member: string): readonly JsonObject[] {
    return read(environment).objects(member) ?? [];
  }

  function mergedVariables(own: readonly JsonObject[], over: readonly JsonObject[]): Variable[] {
    const merged = new Map<string, Variable>();
    for (const raw of [...own, ...over]) {
      const one = read(raw);
      const variable = { name: one.requiredText("name"), value: one.requiredText("value"), type: one.text("type") ?? "PLAINTEXT" };
      if (!["PLAINTEXT", "SECRETS_MANAGER", "PARAMETER_STORE"].includes(variable.type))
        throw new AwsError("InvalidInputException", `The local cloud does not implement variables of type ${variable.type}`);
      if (variable.name.startsWith("CODEBUILD_"))
        throw new AwsError("InvalidInputException", `Environment variable ${variable.name} uses a reserved prefix`);
      merged.set(variable.name, variable);
    }
    return [...merged.values()];
  }

  function describeBuild(build: BuildRecord): JsonObject {
    const [primary, ...secondary] = build.sources;
    const log = `arn:aws:logs:${region}:${accountId}:log-group`;
    return {
      id: build.id,
      arn: build.arn,
      buildNumber: build.number,
      startTime: epochSeconds(build.startedAt),
      ...(build.endedAt === undefined ? {} : { endTime: epochSeconds(build.endedAt) }),
      currentPhase: build.currentPhase,
      buildStatus: build.status,
      buildComplete: build.status !== "IN_PROGRESS",
      projectName: build.projectName,
      phases: build.phases.map(describePhase),
      source: { type: primary?.type, location: primary?.location, buildspec: build.buildspec },
      ...(primary?.version === undefined ? {} : { sourceVersion: primary.version }),
      secondarySources: secondary.map(({ type, location, identifier }) => ({ type, location, sourceIdentifier: identifier })),
      artifacts: { location: "" },
      environment: { ...build.environment, environmentVariables: build.variables.map((variable) => ({ ...variable })) },
      exportedEnvironmentVariables: build.exported.map((variable) => ({ ...variable })),
      logs: build.logOpen
        ? {
            groupName: build.logGroup,
            streamName: build.logStream,
            deepLink: logUrl(build.logGroup, build.logStream),
            cloudWatchLogsArn: `${log}:${build.logGroup}:log-stream:${build.logStream}`,
          }
        : { deepLink: logUrl("null", "null"), cloudWatchLogsArn: `${log}:null:log-stream:null` },
      timeoutInMinutes: build.timeoutMinutes,
      queuedTimeoutInMinutes: build.queuedTimeoutMinutes,
      initiator: "local",
    };
  }
}

function describePhase({ phaseType, phaseStatus, startedAt, endedAt, contexts }: PhaseRecord): JsonObject {
  return {
    phaseType,
    startTime: epochSeconds(startedAt),
    ...(phaseStatus === undefined ? {} : { phaseStatus }),
    ...(endedAt === undefined ? {} : { endTime: epochSeconds(endedAt), durationInSeconds: Math.round((endedAt - startedAt) / 1000) }),
    contexts: contexts.map((context) => ({ ...context })),
  };
}

/** Newest first, a hundred a page. */
function listBuilds(input: Reader, builds: readonly BuildRecord[]): Json {
  const order = input.text("sortOrder") === "ASCENDING" ? builds.map(({ id }) => id) : builds.map(({ id }) => id).reverse();
  const { shown, more } = pageOf(input, order, maxIds);
  return { ids: shown, ...more };
}

function overrides(input: Reader, members: Readonly<Record<string, string>>): JsonObject {
  const given = Object.entries(members).map(([name, member]) => [name, input.text(member)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function minutes(input: Reader, member: string, least: number, most: number): number | undefined {
  const value = input.number(member);
  if (value === undefined || (value >= least && value <= most)) return value;
  throw new AwsError("InvalidInputException", `Invalid ${member}: ${value} is not from ${least} to ${most}`);
}
