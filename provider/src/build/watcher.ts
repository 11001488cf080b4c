import { assertNever } from "../errors/assert-never.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { abortable } from "../support/abortable.ts";
import type { Clock } from "../support/clock.ts";
import type { BuildBackend, BuildId, Missing, Observation } from "./build-backend.ts";
import type { LogFollower } from "./log-follower.ts";

export type SettledObservation = Exclude<Observation, { kind: "running" } | Missing>;

export interface Watcher {
  /** Waits until the build is over. Rejects only when `signal` trips, or when the cloud has forgotten the build ("build-lost"). */
  watch(id: BuildId, signal: AbortSignal, onObservation: (observation: Observation) => void): Promise<SettledObservation>;
}

interface Watched {
  readonly listeners: Set<(observation: Observation) => void>;
  readonly settled: PromiseWithResolvers<SettledObservation>;
  misses: number;
}

// One watcher serves all builds: a hundred builds of five minutes cost at most 150 calls, and the end of a build is seen 1.1 s later
// in the median, 2.2 s at worst. The first looks come sooner, for the builds that take seconds.
const steadyMs = 2200;
const firstMs = 400;
const rampFactor = 1.25;
// A failed call says nothing about a build: wait longer, never give up. The operation's own deadline ends the waiting.
const slowestMs = 30_000;
// The cloud may need a moment until a new build can be read.
const missesUntilLost = 8;

/**
 * The only polling loop. Every waiting build of one backend shares it: one call observes them all, a failed call is counted and
 * repeated, and no build is started or stopped here.
 */
export function createWatcher(deps: { backend: BuildBackend; clock: Clock; follower: LogFollower }): Watcher {
  const { backend, clock, follower } = deps;
  const watched = new Map<BuildId, Watched>();
  let failures = 0;
  let rampMs = firstMs;
  let looping = false;

  async function loop(): Promise<void> {
    looping = true;
    while (watched.size > 0) {
      await clock.sleep(nextDelay());
      const ids = [...watched.keys()];
      for (let start = 0; start < ids.length; start += backend.maxObserved) await poll(ids.slice(start, start + backend.maxObserved));
      void follower.poll();
    }
    looping = false;
  }

  function nextDelay(): number {
    if (failures > 0) return Math.min(steadyMs * 2 ** failures, slowestMs);
    const delay = rampMs;
    rampMs = Math.min(rampMs * rampFactor, steadyMs);
    return delay;
  }

  async function poll(ids: readonly BuildId[]): Promise<void> {
    let observations: ReadonlyMap<BuildId, Observation>;
    try {
      observations = await backend.observe(ids, new AbortController().signal);
    } catch {
      failures += 1;
      return;
    }
    failures = 0;
    for (const id of ids) deliver(id, observations.get(id) ?? { kind: "missing" });
  }

  function deliver(id: BuildId, observation: Observation): void {
    const entry = watched.get(id);
    if (entry === undefined) return;
    for (const listen of entry.listeners) listen(observation);
    switch (observation.kind) {
      case "running":
        entry.misses = 0;
        return;
      case "missing":
        entry.misses += 1;
        if (entry.misses < missesUntilLost) return;
        watched.delete(id);
        entry.settled.reject(new CloudBuildError("build-lost", `the cloud does not know build "${id}"`));
        return;
      case "succeeded":
      case "failed":
      case "faulted":
      case "timedOut":
      case "stopped":
        watched.delete(id);
        entry.settled.resolve(observation);
        return;
      default:
        assertNever(observation);
    }
  }

  function enter(id: BuildId): Watched {
    const entry: Watched = { listeners: new Set(), settled: Promise.withResolvers(), misses: 0 };
    watched.set(id, entry);
    rampMs = firstMs;
    if (!looping) void loop();
    return entry;
  }

  return {
    async watch(id, signal, onObservation) {
      const entry = watched.get(id) ?? enter(id);
      entry.listeners.add(onObservation);
      try {
        return await abortable(entry.settled.promise, signal);
      } finally {
        entry.listeners.delete(onObservation);
        if (entry.listeners.size === 0) watched.delete(id);
      }
    },
  };
}
