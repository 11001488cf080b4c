import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BuilderError, type Builder } from "../builder/builder.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { ObjectStore } from "../s3/object-store.ts";
import {
  BuildspecError,
  parseBuildspec,
  phaseNames,
  readBuildspec,
  type Buildspec,
  type BuildspecPhase,
  type PhaseName,
} from "./buildspec.ts";
import type { BuildRecord, BuildStatus, PhaseContext, PhaseRecord, PhaseStatus, PhaseType, Records } from "./records.ts";
import { createShell, type Shell } from "./shell.ts";
import { resolveVariables, VariableError } from "./variables.ts";
import type { Vault } from "../secrets/vault.ts";
import { fetchSource, SourceError } from "./sources.ts";

export interface RunnerOptions {
  readonly records: Records;
  readonly objects: ObjectStore;
  readonly logs: LogStore;
  readonly builder: Builder;
  /** Where variables of the types SECRETS_MANAGER and PARAMETER_STORE come from. */
  readonly vaults: { readonly secrets: Vault; readonly parameters: Vault };
  /** Each build gets a folder of its own in it. */
  readonly folder: string;
  /** What every build's commands see besides its own variables: where the cloud is, and how to sign in. */
  readonly cloudEnv: () => Readonly<Record<string, string>>;
}

export interface Runner {
  enqueue(build: BuildRecord): void;
  /** Ends a build; answers when nothing of it runs any more. */
  stop(id: string): Promise<void>;
  close(): Promise<void>;
}

// As many at once as a small account may run; the rest waits in QUEUED.
const atOnce = 10;
const stopGraceMs = 2000;

interface Run {
  readonly build: BuildRecord;
  shell?: Shell;
  /** Why it has to end before its time. */
  ending?: "STOPPED" | "TIMED_OUT";
  readonly done: PromiseWithResolvers<void>;
}

/** Runs builds through CodeBuild's phases, writing what happens into the record and the log as it happens. */
export function createRunner(options: RunnerOptions): Runner {
  const { records } = options;
  const runs = new Map<string, Run>();
  const waiting: Run[] = [];
  let closed = false;

  function startNext(): void {
    while (waiting.length > 0 && runs.size - waiting.length < atOnce) {
      const next = waiting.shift();
      if (next !== undefined) void carryOut(next);
    }
  }

  async function carryOut(run: Run): Promise<void> {
    const { build } = run;
    const timer = setTimeout(() => void end(run, "TIMED_OUT"), build.timeoutMinutes * 60_000);
    try {
      await runBuild(run, options);
    } catch (error) {
      finish(run, "FAULT", { statusCode: "INTERNAL_ERROR", message: error instanceof Error ? error.message : String(error) });
    } finally {
      clearTimeout(timer);
      runs.delete(build.id);
      run.done.resolve();
      startNext();
    }
  }

  async function end(run: Run, ending: "STOPPED" | "TIMED_OUT"): Promise<void> {
    run.ending ??= ending;
    const at = waiting.indexOf(run);
    if (at >= 0) {
      waiting.splice(at, 1);
      finish(run, "STOPPED");
      runs.delete(run.build.id);
      run.done.resolve();
      return;
    }
    await run.shell?.stop(stopGraceMs);
    await run.done.promise;
  }

  function finish({ build }: Run, status: BuildStatus, context?: PhaseContext): void {
    closePhase(build, status === "SUCCEEDED" ? "SUCCEEDED" : (status as PhaseStatus), context === undefined ? [] : [context]);
    completeBuild(build, status, records);
  }

  return {
    enqueue(build) {
      if (closed) throw new Error("the server is closing");
      const run: Run = { build, done: Promise.withResolvers() };
      runs.set(build.id, run);
      enterPhase(build, "SUBMITTED");
      closePhase(build, "SUCCEEDED");
      enterPhase(build, "QUEUED");
      records.putBuild(build);
      waiting.push(run);
      // The request that started it is answered first.
      setImmediate(startNext);
    },
    async stop(id) {
      const run = runs.get(id);
      if (run !== undefined) await end(run, "STOPPED");
    },
    async close() {
      closed = true;
      await Promise.all([...runs.values()].map((run) => end(run, "STOPPED")));
    },
  };
}

async function runBuild(run: Run, options: RunnerOptions): Promise<void> {
  const { build } = run;
  const { records, logs, builder, objects } = options;
  const workspace = join(options.folder, build.id.slice(build.id.lastIndexOf(":") + 1));
  const home = join(workspace, "home");
  let secrets: readonly string[] = [];
  const masked = (text: string): string => secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  const log = (text: string): void =>
    logs.append(build.logGroup, build.logStream, [{ timestamp: Date.now(), message: `${masked(text)}\n` }]);
  const say = (text: string): void => log(`[Container] ${stamp()} ${text}`);

  /** Runs the work of one phase; what it throws or answers decides how the phase ends. */
  async function phase(type: PhaseType, work: () => Promise<PhaseContext | undefined> | PhaseContext | undefined): Promise<boolean> {
    if (run.ending !== undefined) return false;
    enterPhase(build, type);
    records.putBuild(build);
    const context = await work();
    const status: PhaseStatus = run.ending ?? (context === undefined ? "SUCCEEDED" : "FAILED");
    const contexts =
      run.ending === "TIMED_OUT"
        ? [{ statusCode: "BUILD_TIMED_OUT", message: "Build has timed out." }]
        : context === undefined
          ? []
          : [context];
    closePhase(build, status, run.ending === "STOPPED" ? [] : contexts);
    if (build.logOpen) {
      say(`Phase complete: ${type} State: ${status}`);
      say(`Phase context status code: ${contexts[0]?.statusCode ?? ""} Message: ${contexts[0]?.message ?? ""}`);
    }
    records.putBuild(build);
    return status === "SUCCEEDED";
  }

  const sourceFolder = (identifier: string | undefined): string => join(workspace, identifier === undefined ? "src" : `src_${identifier}`);
  let spec: Buildspec | undefined;
  let env: Record<string, string> = {};
  let variables: Readonly<Record<string, string>> = {};
  let healthy = true;
  try {
    closePhase(build, "SUCCEEDED");
    healthy = await phase("PROVISIONING", async () => {
      for (const path of [home, join(workspace, "tmp")]) mkdirSync(path, { recursive: true });
      logs.createStream(build.logGroup, build.logStream);
      build.logOpen = true;
      say("Waiting for agent ping");
      const base = baseEnvironment(home, workspace);
      try {
        env = { ...base, ...options.cloudEnv(), ...(await builder.prepare(home, base)) };
      } catch (error) {
        if (!(error instanceof BuilderError)) throw error;
        return { statusCode: "BUILD_CONTAINER_UNABLE_TO_START", message: error.message };
      }
      return undefined;
    });
    healthy &&= await phase("DOWNLOAD_SOURCE", async () => {
      try {
        for (const source of build.sources) await fetchSource(source, objects, sourceFolder(source.identifier));
        spec = parseBuildspec(readBuildspec(build.buildspec, sourceFolder(undefined)));
        const resolved = resolveVariables(build.variables, options.vaults);
        variables = resolved.env;
        secrets = resolved.secrets;
      } catch (error) {
        if (error instanceof VariableError) return { statusCode: error.statusCode, message: error.message };
        if (error instanceof SourceError) return { statusCode: "CLIENT_ERROR", message: error.message };
        if (error instanceof BuildspecError) return { statusCode: "YAML_FILE_ERROR", message: error.message };
        throw error;
      }
      return undefined;
    });
    if (healthy && spec !== undefined) {
      const sourceVariables = build.sources.map(({ identifier }): [string, string] => [
        identifier === undefined ? "CODEBUILD_SRC_DIR" : `CODEBUILD_SRC_DIR_${identifier}`,
        sourceFolder(identifier),
      ]);
      run.shell = createShell({
        shell: spec.shell,
        folder: join(workspace, "commands"),
        cwd: sourceFolder(undefined),
        // The request's variables win over the project's, and those over the buildspec's.
        env: { ...env, ...Object.fromEntries(sourceVariables), ...buildVariables(build), ...spec.variables, ...variables },
      });
      healthy = await runPhases(run, run.shell, spec, phase, { log, say });
      const left = run.shell.variables();
      build.exported = spec.exported.flatMap((name) => (left[name] === undefined ? [] : [{ name, value: masked(left[name]) }]));
      // Nothing a command left in the background outlives its build.
      await run.shell.stop(stopGraceMs);
    }
    if (run.ending === undefined) await phase("FINALIZING", () => undefined);
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
  completeBuild(build, run.ending ?? (healthy ? "SUCCEEDED" : "FAILED"), records);
}

const phaseTypes = { install: "INSTALL", pre_build: "PRE_BUILD", build: "BUILD", post_build: "POST_BUILD" } as const satisfies Record<
  PhaseName,
  PhaseType
>;

interface Voice {
  readonly log: (text: string) => void;
  readonly say: (text: string) => void;
}

/**
 * The four phases of the buildspec. A failure of install or pre_build ends the build; after a failure of build, post_build still runs; a
 * phase with `on-failure: CONTINUE` lets the next one run in any case.
 */
async function runPhases(
  run: Run,
  shell: Shell,
  spec: Buildspec,
  phase: (type: PhaseType, work: () => Promise<PhaseContext | undefined> | undefined) => Promise<boolean>,
  voice: Voice,
): Promise<boolean> {
  let succeeding = true;
  for (const name of phaseNames) {
    const steps: BuildspecPhase = spec.phases[name] ?? { commands: [], finally: [], onFailure: "ABORT" };
    const ok = await phase(phaseTypes[name], async () => {
      if (steps.commands.length > 0) voice.say(`Entering phase ${phaseTypes[name]}`);
      await shell.run(`export CODEBUILD_BUILD_SUCCEEDING=${succeeding ? 1 : 0}`, () => undefined);
      const failed = await runCommands(run, shell, steps.commands, voice);
      const failedFinally = await runCommands(run, shell, steps.finally, voice);
      return failed ?? failedFinally;
    });
    succeeding &&= ok;
    if (run.ending !== undefined) return false;
    if (!ok && steps.onFailure === "ABORT" && name !== "build") return false;
  }
  const uploaded = await phase("UPLOAD_ARTIFACTS", () => undefined);
  return succeeding && uploaded;
}

async function runCommands(run: Run, shell: Shell, commands: readonly string[], { log, say }: Voice): Promise<PhaseContext | undefined> {
  for (const command of commands) {
    if (run.ending !== undefined) return undefined;
    say(`Running command ${command}`);
    const status = await shell.run(command, log);
    if (status === 0) continue;
    say(`Command did not exit successfully ${command} exit status ${status}`);
    return { statusCode: "COMMAND_EXECUTION_ERROR", message: `Error while executing command: ${command}. Reason: exit status ${status}` };
  }
  return undefined;
}

/** Commands see nothing of the server's own environment but where programs are and how to reach the outside. */
function baseEnvironment(home: string, workspace: string): Record<string, string> {
  const passed = [
    "PATH",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
  ];
  const inherited = passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  return { ...Object.fromEntries(inherited), HOME: home, TMPDIR: join(workspace, "tmp"), USER: "root" };
}

function imageOf({ environment }: BuildRecord): string {
  return typeof environment["image"] === "string" ? environment["image"] : "";
}

function buildVariables(build: BuildRecord): Record<string, string> {
  return {
    CODEBUILD_BUILD_ARN: build.arn,
    CODEBUILD_BUILD_ID: build.id,
    CODEBUILD_BUILD_IMAGE: imageOf(build),
    CODEBUILD_BUILD_NUMBER: String(build.number),
    CODEBUILD_INITIATOR: "local",
    CODEBUILD_KMS_KEY_ID: "alias/aws/s3",
    CODEBUILD_LOG_PATH: build.logStream,
    CODEBUILD_START_TIME: String(build.startedAt),
    CI: "true",
  };
}

function enterPhase(build: BuildRecord, phaseType: PhaseType): void {
  build.currentPhase = phaseType;
  build.phases.push({ phaseType, startedAt: Date.now(), contexts: [] });
}

function closePhase(build: BuildRecord, status: PhaseStatus, contexts: readonly PhaseContext[] = []): void {
  const open: PhaseRecord | undefined = build.phases.at(-1);
  if (open === undefined || open.endedAt !== undefined) return;
  open.phaseStatus = status;
  open.endedAt = Date.now();
  open.contexts.push(...contexts);
}

export function completeBuild(build: BuildRecord, status: BuildStatus, records: Records): void {
  const now = Date.now();
  build.phases.push({ phaseType: "COMPLETED", startedAt: now, contexts: [] });
  build.currentPhase = "COMPLETED";
  build.status = status;
  build.endedAt = now;
  records.putBuild(build);
}

/** A server that died while a build ran does not know how it ended: that is what FAULT says. */
export function faultInterrupted(records: Records): void {
  for (const build of records.builds().filter(({ status }) => status === "IN_PROGRESS")) {
    closePhase(build, "FAULT", [{ statusCode: "INTERNAL_ERROR", message: "the local cloud stopped while the build ran" }]);
    completeBuild(build, "FAULT", records);
  }
}

function stamp(): string {
  return new Date().toISOString().replaceAll("-", "/").replace("T", " ").replace("Z", "");
}
