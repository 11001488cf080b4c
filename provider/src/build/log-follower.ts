import type { Clock } from "../support/clock.ts";
import type { BuildLogs, LogEvent, LogLocation } from "./build-backend.ts";

export interface LogFollower {
  /** Begins to hand the lines of one build's log to `onLine`. The same location twice is one reading. */
  follow(location: LogLocation, onLine: (line: string) => void): void;
  unfollow(location: LogLocation): void;
  /** Reads what is new, at most once in `intervalMs`; `force` reads now. Never rejects: a log error never changes a result. */
  poll(force?: boolean): Promise<void>;
}

interface Followed {
  readonly location: LogLocation;
  readonly onLine: (line: string) => void;
  /** Events as old as the overlap are read again and told apart by their ID. */
  readonly seen: Map<string, number>;
  newest: number;
}

const intervalMs = 2000;
// CloudWatch makes events readable out of order for a while; look back this far.
const overlapMs = 20_000;
// The most stream names one call may carry.
const maxStreams = 100;

/** Reads the logs of all followed builds together: one call per log group and hundred streams, whatever the number of builds. */
export function createLogFollower({ logs, clock }: { logs: BuildLogs; clock: Clock }): LogFollower {
  const followed = new Map<string, Followed>();
  let lastPollAt = -Infinity;
  let polling: Promise<void> | undefined;

  async function readAll(): Promise<void> {
    lastPollAt = clock.now();
    const groups = Map.groupBy(followed.values(), ({ location }) => location.group);
    for (const [group, entries] of groups) {
      for (let start = 0; start < entries.length; start += maxStreams) await readSome(group, entries.slice(start, start + maxStreams));
    }
  }

  async function readSome(group: string, entries: readonly Followed[]): Promise<void> {
    const since = Math.max(0, Math.min(...entries.map(({ newest }) => newest)) - overlapMs);
    const streams = entries.map(({ location }) => location.stream);
    try {
      const events = await logs.read(group, streams, since, new AbortController().signal);
      for (const event of events) {
        const entry = followed.get(keyOf({ group, stream: event.stream }));
        if (entry !== undefined) deliver(entry, event);
      }
    } catch {
      // The next poll reads the same events again.
    }
  }

  function deliver(entry: Followed, event: LogEvent): void {
    if (entry.seen.has(event.id)) return;
    entry.seen.set(event.id, event.at);
    entry.newest = Math.max(entry.newest, event.at);
    for (const [id, at] of entry.seen) if (at < entry.newest - 2 * overlapMs) entry.seen.delete(id);
    for (const line of event.text.replace(/\n$/, "").split("\n")) entry.onLine(line);
  }

  return {
    follow(location, onLine) {
      const key = keyOf(location);
      if (!followed.has(key)) followed.set(key, { location, onLine, seen: new Map(), newest: 0 });
    },
    unfollow(location) {
      followed.delete(keyOf(location));
    },
    async poll(force = false) {
      if (followed.size === 0 || (!force && (polling !== undefined || clock.now() - lastPollAt < intervalMs))) return;
      const mine = (polling ?? Promise.resolve()).then(readAll);
      polling = mine;
      await mine;
      if (polling === mine) polling = undefined;
    },
  };
}

function keyOf({ group, stream }: LogLocation): string {
  return `${group}\n${stream}`;
}
