import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../json.ts";
import { fileNameOf, readJson, writeJson } from "../state-folder.ts";

export type BuildStatus = "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "FAULT" | "STOPPED" | "TIMED_OUT";
export type PhaseType =
  | "SUBMITTED"
  | "QUEUED"
  | "PROVISIONING"
  | "DOWNLOAD_SOURCE"
  | "INSTALL"
  | "PRE_BUILD"
  | "BUILD"
  | "POST_BUILD"
  | "UPLOAD_ARTIFACTS"
  | "FINALIZING"
  | "COMPLETED";
export type PhaseStatus = "SUCCEEDED" | "FAILED" | "FAULT" | "TIMED_OUT" | "STOPPED";

export interface PhaseContext {
  readonly statusCode: string;
  readonly message: string;
}

export interface PhaseRecord {
  readonly phaseType: PhaseType;
  phaseStatus?: PhaseStatus;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  endedAt?: number;
  contexts: PhaseContext[];
}

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly type: string;
}

/** Where CodeBuild's own git hosts are meant, any repository that git can fetch is taken. */
export const gitTypes = ["GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED", "BITBUCKET", "CODECOMMIT"] as const;

/** A source in S3, `bucket/key`, or a git repository, by its URL. */
export interface Source {
  /** Absent: the primary one. */
  readonly identifier?: string;
  readonly type: "S3" | "NO_SOURCE" | (typeof gitTypes)[number];
  readonly location: string;
  /** Of a git repository: a branch, a tag or a commit. Default: its HEAD. */
  readonly version?: string;
}

export interface BuildRecord {
  readonly id: string;
  readonly arn: string;
  readonly number: number;
  readonly projectName: string;
  readonly startedAt: number;
  endedAt?: number;
  status: BuildStatus;
  currentPhase: PhaseType;
  readonly phases: PhaseRecord[];
  readonly sources: readonly Source[];
  readonly buildspec: string;
  readonly environment: JsonObject;
  /** The project's variables and the request's over them. */
  readonly variables: readonly Variable[];
  exported: { name: string; value: string }[];
  readonly timeoutMinutes: number;
  readonly queuedTimeoutMinutes: number;
  readonly logGroup: string;
  readonly logStream: string;
  /** CodeBuild makes the stream while it provisions; before that a build has no log. */
  logOpen: boolean;
  readonly token?: { readonly value: string; readonly request: string };
}

export interface ProjectRecord {
  readonly name: string;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** CreateProject's request, as it was. */
  readonly settings: JsonObject;
}

export interface Records {
  projects(): ProjectRecord[];
  project(name: string): ProjectRecord | undefined;
  putProject(project: ProjectRecord): void;
  deleteProject(name: string): void;
  /** In the order they were started. */
  builds(): readonly BuildRecord[];
  build(id: string): BuildRecord | undefined;
  putBuild(build: BuildRecord): void;
}

/** One JSON file for each project and build, all of them in memory too. */
export function createRecords(folder: string): Records {
  const [projectsFolder, buildsFolder] = [join(folder, "projects"), join(folder, "builds")];
  for (const path of [projectsFolder, buildsFolder]) mkdirSync(path, { recursive: true });
  const projects = new Map(readAll<ProjectRecord>(projectsFolder).map((one) => [one.name, one]));
  const builds = new Map(
    readAll<BuildRecord>(buildsFolder)
      .sort((a, b) => a.number - b.number)
      .map((one) => [one.id, one]),
  );
  return {
    projects: () => [...projects.values()],
    project: (name) => projects.get(name),
    putProject(project) {
      projects.set(project.name, project);
      writeJson(join(projectsFolder, `${fileNameOf(project.name)}.json`), project);
    },
    deleteProject(name) {
      projects.delete(name);
      rmSync(join(projectsFolder, `${fileNameOf(name)}.json`), { force: true });
    },
    builds: () => [...builds.values()],
    build: (id) => builds.get(id),
    putBuild(build) {
      builds.set(build.id, build);
      writeJson(join(buildsFolder, `${fileNameOf(build.id)}.json`), build);
    },
  };
}

function readAll<T>(folder: string): T[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => readJson<T>(join(folder, file)))
    .filter((one) => one !== undefined);
}
