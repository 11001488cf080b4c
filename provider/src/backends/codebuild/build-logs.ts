import type { BuildLogs, LogEvent } from "../../build/build-backend.ts";
import type { Clock } from "../../support/clock.ts";
import type { LogsApi } from "./logs-api.ts";

// The log of a build ends with its last phase; the service makes events readable a little after they were written.
const lastWords = /Phase complete: UPLOAD_ARTIFACTS/;
const tailTries = 8;
const tailPauseMs = 400;

/** Build logs in CloudWatch Logs. A group or stream that does not exist yet reads as empty. */
export function createBuildLogs({ api, clock }: { api: LogsApi; clock: Clock }): BuildLogs {
  return {
    async read(group, streams, since, signal) {
      const events: LogEvent[] = [];
      let nextToken: string | undefined;
      do {
        const input = {
          logGroupName: group,
          logStreamNames: [...streams],
          startTime: since,
          ...(nextToken === undefined ? {} : { nextToken }),
        };
        const page = await emptyWhenMissing(api.filterLogEvents(input, signal));
        for (const { eventId, logStreamName, timestamp, message } of page.events ?? []) {
          if (eventId !== undefined && logStreamName !== undefined) {
            events.push({ id: eventId, stream: logStreamName, at: timestamp ?? 0, text: message ?? "" });
          }
        }
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return events;
    },
    async tail({ group, stream }, count, signal) {
      let lines: readonly string[] = [];
      for (let tries = 0; tries < tailTries; tries += 1) {
        if (tries > 0) await clock.sleep(tailPauseMs, signal);
        const input = { logGroupName: group, logStreamName: stream, limit: count };
        const { events } = await emptyWhenMissing(api.lastLogEvents(input, signal));
        lines = (events ?? []).flatMap(({ message }) => (message ?? "").replace(/\n$/, "").split("\n"));
        if (lines.some((line) => lastWords.test(line))) break;
      }
      return lines;
    },
  };
}

async function emptyWhenMissing<T extends object>(answer: Promise<T>): Promise<Partial<T>> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.name === "ResourceNotFoundException") return {};
    throw error;
  }
}
