import type { Build, StartBuildInput } from "@aws-sdk/client-codebuild";
import type { BuildBackend, BuildId, BuildLogs, EarlierBuilds, Observation, StartedBuild } from "../../build/build-backend.ts";
import type { BuildIdentity, BuildRequest } from "../../build/build-request.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { awsError, isNamed } from "../../support/aws-errors.ts";
import type { Clock } from "../../support/clock.ts";
import { coalesce } from "../../support/coalesce.ts";
import type { Operation } from "../../support/operation.ts";
import { retry, type RetryOptions } from "../../support/retry.ts";
import { queueLimitOf, retryClassOf, type RetryClass } from "../../support/retryable-errors.ts";
import type { CodeBuildApi } from "./api.ts";
import type { ParkedSecrets } from "./parked-secrets.ts";
import { observationOf } from "./observation.ts";
import { idempotencyToken, identityOf, startBuildInput, withoutAssembly } from "./start-build-input.ts";

// What BatchGetBuilds and BatchGetProjects take in one call.
const maxIds = 100;
// Resources that Pulumi creates together ask within this time of each other.
const windowMs = 20;
// A build that was just started may not be listed yet.
const adoptTries = 3;
const adoptWaitMs = 500;

/** Builds in AWS CodeBuild. */
export function createCodeBuildBackend(deps: { api: CodeBuildApi; logs: BuildLogs; parked: ParkedSecrets; clock: Clock }): BuildBackend {
  const { api, clock } = deps;
  const untilDone = new AbortController().signal;

  async function call<T>(
    what: { action: string; project: string },
    options: Pick<RetryOptions, "signal" | "also" | "onWait">,
    make: () => Promise<T>,
  ): Promise<T> {
    try {
      return await retry(make, { clock, ...options });
    } catch (error) {
      options.signal.throwIfAborted();
      if (isNamed(error, "ResourceNotFoundException")) throw projectMissing(what.project, error);
      if (queueLimitOf(error) !== undefined) throw quotaExceeded(what.project, error);
      throw awsError(error, `codebuild:${what.action} on project "${what.project}"`);
    }
  }

  const newestBuilds = coalesce<string, readonly Build[]>({
    clock,
    windowMs,
    maxBatch: maxIds,
    run: async (projects) => new Map(await Promise.all(projects.map(async (project) => [project, await listBuilds(project)] as const))),
  });

  const environmentTypes = coalesce<string, string>({
    clock,
    windowMs,
    maxBatch: maxIds,
    run: async (names) => {
      const { projects = [] } = await call({ action: "BatchGetProjects", project: names.join(", ") }, { signal: untilDone }, () =>
        api.batchGetProjects(names, untilDone),
      );
      return new Map(projects.flatMap(({ name, environment }) => (name ? [[name, environment?.type ?? ""] as const] : [])));
    },
  });

  async function listBuilds(project: string): Promise<readonly Build[]> {
    const { ids = [] } = await call({ action: "ListBuildsForProject", project }, { signal: untilDone }, () =>
      api.listBuildsForProject(project, untilDone),
    );
    if (ids.length === 0) return [];
    const { builds = [] } = await call({ action: "BatchGetBuilds", project }, { signal: untilDone }, () =>
      api.batchGetBuilds(ids.slice(0, maxIds), untilDone),
    );
    const order = new Map(ids.map((id, i) => [id, i]));
    return builds.toSorted((a, b) => (order.get(a.id ?? "") ?? 0) - (order.get(b.id ?? "") ?? 0));
  }

  async function find(identity: BuildIdentity, { signal }: Operation): Promise<EarlierBuilds> {
    const ours = ((await newestBuilds(identity.project, signal)) ?? []).filter((build) => isOf(identity, build));
    const running = ours.find(({ buildStatus }) => buildStatus === "IN_PROGRESS")?.id;
    const settled = ours.find(({ buildStatus }) => buildStatus !== "IN_PROGRESS")?.id;
    return { ...(running === undefined ? {} : { running }), ...(settled === undefined ? {} : { settled }) };
  }

  /**
   * Somebody who asked for the same at the same time, but ships the context by another way, has used the token with other parameters. CodeBuild
   * then refuses this request as it refuses any invalid one: the build to adopt is there, or it was invalid.
   */
  async function startOrAdopt(
    input: StartBuildInput,
    identity: BuildIdentity,
    previous: BuildId | undefined,
    operation: Operation,
  ): Promise<{ readonly build?: Build | undefined; readonly other?: StartedBuild }> {
    try {
      return await api.startBuild(input);
    } catch (error) {
      if (!isNamed(error, "InvalidInputException") || retryClassOf(error) !== undefined) throw error;
      for (let tries = 0; tries < adoptTries; tries += 1) {
        if (tries > 0) await clock.sleep(adoptWaitMs, operation.signal);
        const { running, settled } = await find(identity, operation);
        if (running !== undefined) return { other: { id: running, settled: false } };
        if (settled !== undefined && settled !== previous) return { other: { id: settled, settled: true } };
      }
      throw error;
    }
  }

  return {
    maxObserved: maxIds,
    logs: deps.logs,
    find,
    async start(request: BuildRequest, previous: BuildId | undefined, operation: Operation): Promise<StartedBuild> {
      const environmentType = await environmentTypes(request.project, operation.signal);
      if (environmentType === undefined) throw projectMissing(request.project);
      const { signal, reporter } = operation;
      const parked = await deps.parked.park(request, previous, signal);
      const token = idempotencyToken(startBuildInput(withoutAssembly(parked), environmentType), previous);
      const input = { ...startBuildInput(parked, environmentType), idempotencyToken: token };
      const { build, other } = await call(
        { action: "StartBuild", project: request.project },
        { signal, also: ["propagation", "capacity"], onWait: ({ because }) => reporter.status(waiting[because]) },
        () => startOrAdopt(input, request, previous, operation),
      );
      if (other !== undefined) return other;
      if (build?.id === undefined) throw new CloudBuildError("cloud-unavailable", "CodeBuild accepted a build without naming it");
      return { id: build.id, settled: build.buildStatus !== "IN_PROGRESS" };
    },
    release: (identity, previous, signal) => deps.parked.release(identity, previous, signal),
    async observe(ids, signal): Promise<ReadonlyMap<BuildId, Observation>> {
      const { builds = [] } = await api.batchGetBuilds(ids, signal);
      return new Map(builds.flatMap((build) => (build.id === undefined ? [] : [[build.id, observationOf(build)] as const])));
    },
    async stop(id, signal): Promise<Observation> {
      const { build } = await retry(() => api.stopBuild(id, signal), { clock, signal });
      return build === undefined ? { kind: "missing" } : observationOf(build);
    },
  };
}

/** Why StartBuild is waiting, for the live line. */
const waiting = {
  throttle: "CodeBuild asks for fewer calls; waiting",
  transient: "CodeBuild did not answer; trying again",
  propagation: "waiting until the project's role can be used",
  capacity: "the account's build queue is full; waiting",
} as const satisfies Record<RetryClass, string>;

function isOf(identity: BuildIdentity, build: Build): boolean {
  const variables = new Map(build.environment?.environmentVariables?.map(({ name, value }) => [name, value]));
  return Object.entries(identityOf(identity)).every(([name, value]) => variables.get(name) === value);
}

function projectMissing(project: string, cause?: unknown): CloudBuildError {
  return new CloudBuildError("project-missing", `"${project}" is not a CodeBuild project in the region of the repository`, {
    property: "project",
    cause,
  });
}

function quotaExceeded(project: string, cause: unknown): CloudBuildError {
  return new CloudBuildError("quota-exceeded", `codebuild:StartBuild on project "${project}": ${(cause as Error).message}`, { cause });
}
