import { assertNever } from "../errors/assert-never.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { Clock } from "../support/clock.ts";
import type { Operation } from "../support/operation.ts";
import type { BuildBackend, BuildId, LogLocation, Observation, Succeeded } from "./build-backend.ts";
import { buildError } from "./build-error.ts";
import { stepAnnouncedBy } from "./failing-step.ts";
import type { LogFollower } from "./log-follower.ts";
import type { SettledObservation, Watcher } from "./watcher.ts";

export interface FollowDeps {
  readonly backend: BuildBackend;
  readonly watcher: Watcher;
  readonly follower: LogFollower;
  readonly clock: Clock;
}

export interface FollowedBuild {
  readonly id: BuildId;
  /** True when this process started it: then a cancellation stops it. A build somebody else started goes on. */
  readonly ours: boolean;
  /** What of its log is shown: nothing, the failing step, the running step, every line. */
  readonly logs: "off" | "errors" | "summary" | "full";
}

// The log of a failed build is searched this far back for the failing step.
const tailLines = 400;
// Ctrl-C: long enough for a few tries, short enough for the engine's patience.
const stopTimeoutMs = 8000;

/**
 * Waits for a build and answers what it made. Rejects with the reason of the failure in full; when `operation.signal` trips, a build of
 * ours is stopped first, and a stop that could not be confirmed is "build-not-stopped".
 */
export async function followBuild(build: FollowedBuild, deps: FollowDeps, operation: Operation): Promise<Succeeded> {
  const view = liveView(build, deps, operation);
  let settled: SettledObservation;
  try {
    settled = await deps.watcher.watch(build.id, operation.signal, (observation) => view.observe(observation));
  } catch (error) {
    if (operation.signal.aborted && build.ours) await stopBuild(build.id, deps, operation);
    throw error;
  } finally {
    await view.close();
  }
  switch (settled.kind) {
    case "succeeded":
      return settled;
    case "failed":
    case "faulted":
    case "timedOut":
    case "stopped":
      throw buildError(build.id, settled, build.logs === "off" ? [] : await tailOf(settled.log, deps, operation));
    default:
      return assertNever(settled);
  }
}

async function stopBuild(id: BuildId, { backend, clock }: FollowDeps, operation: Operation): Promise<void> {
  operation.reporter.status("stopping the build");
  const signal = AbortSignal.timeout(stopTimeoutMs);
  try {
    let observation = await backend.stop(id, signal);
    while (observation.kind === "running") {
      await clock.sleep(300, signal);
      observation = (await backend.observe([id], signal)).get(id) ?? observation;
    }
  } catch (cause) {
    throw new CloudBuildError("build-not-stopped", `build "${id}" may still be running: it could not be stopped`, { cause });
  }
  operation.reporter.info(`stopped build ${id}`);
}

async function tailOf(location: LogLocation | undefined, { backend }: FollowDeps, operation: Operation): Promise<readonly string[]> {
  if (location === undefined) return [];
  try {
    return await backend.logs.tail(location, tailLines, operation.signal);
  } catch {
    return []; // A log error never changes a result; the link is in the text.
  }
}

/** The live line (phase, elapsed, step), and the log lines of `full`. */
function liveView(build: FollowedBuild, { follower, clock }: FollowDeps, { reporter }: Operation) {
  const since = clock.now();
  const wantsLog = build.logs === "summary" || build.logs === "full";
  let phase = "queued";
  let step: string | undefined;
  let location: LogLocation | undefined;

  function onLine(line: string): void {
    step = stepAnnouncedBy(line) ?? step;
    if (build.logs === "full") reporter.info(line);
  }

  return {
    observe(observation: Observation): void {
      if (wantsLog && location === undefined && "log" in observation && observation.log !== undefined) {
        location = observation.log;
        follower.follow(location, onLine);
      }
      if (observation.kind !== "running") return;
      phase = observation.phase;
      reporter.status([`${phase} (${elapsed(clock.now() - since)})`, ...(step === undefined ? [] : [step])].join(" "));
    },
    async close(): Promise<void> {
      if (location === undefined) return;
      if (build.logs === "full") await follower.poll(true);
      follower.unfollow(location);
    },
  };
}

function elapsed(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
}
