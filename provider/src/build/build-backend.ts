import type { Digest } from "../image/digest.ts";
import type { Operation } from "../support/operation.ts";
import type { BuildIdentity, BuildRequest } from "./build-request.ts";

/** The cloud's own name of one build. */
export type BuildId = string;

/** Where the log of a build is, in terms only its backend reads. */
export interface LogLocation {
  readonly group: string;
  readonly stream: string;
}

interface Seen {
  /** Where a person reads the log. */
  readonly logsUrl?: string;
  readonly log?: LogLocation;
}

export interface Running extends Seen {
  readonly kind: "running";
  /** True until the cloud gives the build a machine. */
  readonly queued: boolean;
  /** What the build is doing, in words for the live line: `provisioning`, `building`. */
  readonly phase: string;
}

interface Settled extends Seen {
  /** Seconds between start and end, by the cloud's clock. */
  readonly seconds: number;
}

export interface Succeeded extends Settled {
  readonly kind: "succeeded";
  /** What the build says it pushed. Absent when it did not say. */
  readonly digest?: Digest;
}

export interface Unsuccessful extends Settled {
  readonly kind: "failed" | "faulted" | "timedOut" | "stopped";
  /** The phase that ended it, in the cloud's words. */
  readonly phase?: string;
  /** What the cloud says about that phase. */
  readonly messages: readonly string[];
  /** True if it ended because its context could not be put together from the parts it was to be made of. */
  readonly contextBroken?: true;
}

export interface Missing {
  readonly kind: "missing";
}

/** What the backend said about a build at one moment. Everything but `running` is settled: it will not change. */
export type Observation = Running | Succeeded | Unsuccessful | Missing;

/** Earlier builds of the same content. */
export interface EarlierBuilds {
  /** A build of this content that is under way. */
  readonly running?: BuildId;
  /** The newest one that is over. */
  readonly settled?: BuildId;
}

export interface StartedBuild {
  readonly id: BuildId;
  /** True when the answer is a build that is over already: an earlier one, for an equal request. */
  readonly settled: boolean;
}

/** What a cloud must do to build for us. `find` looks back, `start`, `observe` and `stop` are the life of one build. */
export interface BuildBackend {
  find(identity: BuildIdentity, operation: Operation): Promise<EarlierBuilds>;
  /**
   * Starts a build, or answers the one that an equal request started already. `previous` is the newest settled build of this content:
   * naming it asks for a new build in spite of it. Not abortable: once the request is out, we must learn the ID.
   */
  start(request: BuildRequest, previous: BuildId | undefined, operation: Operation): Promise<StartedBuild>;
  /** Takes away what `start` put down for a build: secrets that came by value. `previous` is what `start` was given. */
  release(identity: BuildIdentity, previous: BuildId | undefined, signal: AbortSignal): Promise<void>;
  /** At most `maxObserved` builds in one call. */
  observe(ids: readonly BuildId[], signal: AbortSignal): Promise<ReadonlyMap<BuildId, Observation>>;
  readonly maxObserved: number;
  /** Ends a build and answers how it ended, or how it stands if it is not over yet. Stopping a settled build is no error. */
  stop(id: BuildId, signal: AbortSignal): Promise<Observation>;
  readonly logs: BuildLogs;
}

export interface LogEvent {
  /** Unique within the log; the same event read twice has the same ID. */
  readonly id: string;
  readonly stream: string;
  /** Milliseconds since the epoch, by the cloud's clock. */
  readonly at: number;
  readonly text: string;
}

/** Reads what builds write. A log that is not there yet is empty, not an error. */
export interface BuildLogs {
  /** Everything the streams of one group hold from `since` on, oldest first: one call serves any number of builds. */
  read(group: string, streams: readonly string[], since: number, signal: AbortSignal): Promise<readonly LogEvent[]>;
  /** The last lines of one log, oldest first. */
  tail(location: LogLocation, count: number, signal: AbortSignal): Promise<readonly string[]>;
}
