import type { BuildBackend, BuildId, LogEvent, Observation } from "../../provider/src/build/build-backend.ts";
import type { BuildIdentity, BuildRequest } from "../../provider/src/build/build-request.ts";
import { CloudBuildError } from "../../provider/src/errors/cloudbuild-error.ts";
import { digestOf } from "../../provider/src/image/digest.ts";
import type { Clock } from "../../provider/src/support/clock.ts";

/** A backend that keeps builds in memory: the same promises as CodeBuild's, checked by the same tests. */
export interface MemoryBackend extends BuildBackend {
  /** How many builds there are in all. */
  readonly size: number;
}

interface Kept {
  readonly id: BuildId;
  readonly request: BuildRequest;
  readonly key: string;
  readonly endsAt: number;
  readonly startedAt: number;
  stoppedAt?: number;
}

/** A build takes `seconds`, unless a build arg named SECONDS says otherwise, and fails if it has one named FAIL. */
export function memoryBackend({ clock, projects, seconds }: { clock: Clock; projects: readonly string[]; seconds: number }): MemoryBackend {
  const builds: Kept[] = [];
  const group = "memory";

  function observe({ id, request, startedAt, endsAt, stoppedAt }: Kept): Observation {
    const log = { group, stream: id };
    if (stoppedAt !== undefined) return { kind: "stopped", seconds: (stoppedAt - startedAt) / 1000, messages: [], log };
    if (clock.now() < endsAt) return { kind: "running", queued: false, phase: "building", log };
    const ended = { seconds, log };
    if ("FAIL" in request.buildArgs)
      return { kind: "failed", phase: "BUILD", messages: ["COMMAND_EXECUTION_ERROR: exit status 1"], ...ended };
    return { kind: "succeeded", digest: digestOf(request.contentTag), ...ended };
  }

  const isOf = ({ project, repository, contentTag }: BuildIdentity, { request }: Kept): boolean =>
    request.project === project && request.repository.url === repository.url && request.contentTag === contentTag;

  const events = ({ id, startedAt }: Kept): LogEvent[] => [{ id: `${id}-1`, stream: id, at: startedAt, text: "#1 [1/1] RUN something\n" }];

  return {
    maxObserved: 100,
    get size() {
      return builds.length;
    },
    async find(identity) {
      const ours = builds.filter((build) => isOf(identity, build)).reverse();
      const running = ours.find((build) => observe(build).kind === "running")?.id;
      const settled = ours.find((build) => observe(build).kind !== "running")?.id;
      return { ...(running === undefined ? {} : { running }), ...(settled === undefined ? {} : { settled }) };
    },
    async start(request, previous) {
      if (!projects.includes(request.project)) {
        throw new CloudBuildError("project-missing", `"${request.project}" is not a project`, { property: "project" });
      }
      const { context } = request;
      const travelling = context.kind === "archive" ? { kind: context.kind, object: context.object } : context;
      const key = JSON.stringify([{ ...request, context: travelling }, previous]);
      const known = builds.find((build) => build.key === key);
      if (known !== undefined) return { id: known.id, settled: observe(known).kind !== "running" };
      const now = clock.now();
      const endsAt = now + Number(request.buildArgs["SECONDS"] ?? seconds) * 1000;
      const build = { id: `${request.project}:${builds.length + 1}`, request, key, startedAt: now, endsAt };
      builds.push(build);
      return { id: build.id, settled: false };
    },
    observe: async (ids) => new Map(builds.filter(({ id }) => ids.includes(id)).map((build) => [build.id, observe(build)])),
    release: async () => undefined,
    async stop(id) {
      const build = builds.find((one) => one.id === id);
      if (build === undefined) return { kind: "missing" };
      if (observe(build).kind === "running") build.stoppedAt = clock.now();
      return observe(build);
    },
    logs: {
      read: async (_, streams, since) =>
        builds
          .filter(({ id }) => streams.includes(id))
          .flatMap(events)
          .filter(({ at }) => at >= since),
      tail: async ({ stream }, count) =>
        builds
          .filter(({ id }) => id === stream)
          .flatMap(events)
          .map(({ text }) => text.trimEnd())
          .slice(-count),
    },
  };
}
