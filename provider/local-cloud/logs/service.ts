import { AwsError } from "../aws-error.ts";
import type { JsonService } from "../http/aws-json.ts";
import { reader, type Json, type JsonObject, type Reader } from "../json.ts";
import { pageOf } from "../page.ts";
import type { LogStore, StoredEvent } from "./log-store.ts";

const largestPage = 10_000;

export function createLogs({ store, region, accountId }: { store: LogStore; region: string; accountId: string }): JsonService {
  const read = (input: JsonObject): Reader => reader(input, "InvalidParameterException");
  const arn = (group: string): string => `arn:aws:logs:${region}:${accountId}:log-group:${group}`;

  function group(input: Reader): string {
    const name = input.text("logGroupName") ?? input.text("logGroupIdentifier");
    if (name === undefined) throw new AwsError("InvalidParameterException", "logGroupName is required");
    if (!store.hasGroup(name)) throw missing("group");
    return name;
  }

  function stream(input: Reader, inGroup: string): string {
    const name = input.requiredText("logStreamName");
    if (!store.hasStream(inGroup, name)) throw missing("stream");
    return name;
  }

  return {
    name: "logs",
    operations: {
      CreateLogGroup(raw) {
        const name = read(raw).requiredText("logGroupName");
        if (store.hasGroup(name)) throw new AwsError("ResourceAlreadyExistsException", "The specified log group already exists");
        store.createGroup(name);
        return {};
      },
      CreateLogStream(raw) {
        const input = read(raw);
        const name = group(input);
        const streamName = input.requiredText("logStreamName");
        if (store.hasStream(name, streamName))
          throw new AwsError("ResourceAlreadyExistsException", "The specified log stream already exists");
        store.createStream(name, streamName);
        return {};
      },
      DeleteLogGroup(raw) {
        store.deleteGroup(group(read(raw)));
        return {};
      },
      PutLogEvents(raw) {
        const input = read(raw);
        const name = group(input);
        const events = input.requiredObjects("logEvents").map((event) => {
          const one = read(event);
          return { timestamp: one.number("timestamp") ?? 0, message: one.requiredText("message") };
        });
        store.append(name, stream(input, name), events);
        return { nextSequenceToken: "0" };
      },
      DescribeLogGroups(raw) {
        const prefix = read(raw).text("logGroupNamePrefix") ?? "";
        const groups = store.groups().filter((name) => name.startsWith(prefix));
        return { logGroups: groups.map((name) => ({ logGroupName: name, arn: `${arn(name)}:*`, creationTime: store.createdAt(name) })) };
      },
      DescribeLogStreams(raw) {
        const input = read(raw);
        const name = group(input);
        const prefix = input.text("logStreamNamePrefix") ?? "";
        return {
          logStreams: store
            .streams(name)
            .filter((one) => one.startsWith(prefix))
            .map((one) => describeStream(name, one)),
        };
      },
      GetLogEvents(raw) {
        const input = read(raw);
        const name = group(input);
        return page(inRange(store.read(name, stream(input, name)), input), input);
      },
      FilterLogEvents(raw) {
        const input = read(raw);
        const name = group(input);
        const named = input.texts("logStreamNames");
        if (named !== undefined && named.length > 100)
          throw new AwsError("InvalidParameterException", "logStreamNames holds more than 100 names");
        const prefix = input.text("logStreamNamePrefix") ?? "";
        const streams = named ?? store.streams(name).filter((one) => one.startsWith(prefix));
        const events = streams
          .filter((one) => store.hasStream(name, one))
          .flatMap((one) => inRange(store.read(name, one), input))
          .sort((a, b) => (a.id < b.id ? -1 : 1));
        const { shown, more } = pageOf(input, events, Math.min(input.number("limit") ?? largestPage, largestPage));
        return {
          events: shown.map(({ id, stream: logStreamName, timestamp, message }) => ({
            eventId: id,
            logStreamName,
            timestamp,
            message,
            ingestionTime: timestamp,
          })),
          searchedLogStreams: [],
          ...more,
        };
      },
    },
  };

  function describeStream(name: string, streamName: string): Json {
    const events = store.read(name, streamName);
    return {
      logStreamName: streamName,
      arn: `${arn(name)}:log-stream:${streamName}`,
      creationTime: store.createdAt(name, streamName),
      ...(events.length > 0 ? { firstEventTimestamp: events[0]?.timestamp, lastEventTimestamp: events.at(-1)?.timestamp } : {}),
    };
  }
}

function missing(what: "group" | "stream"): AwsError {
  return new AwsError("ResourceNotFoundException", `The specified log ${what} does not exist.`);
}

function inRange(events: readonly StoredEvent[], input: Reader): StoredEvent[] {
  const start = input.number("startTime") ?? 0;
  const end = input.number("endTime") ?? Infinity;
  return events.filter(({ timestamp }) => timestamp >= start && timestamp < end);
}

/** Tokens are `f/<index>` and `b/<index>`; a forward token that comes back unchanged says that there is no more. */
function page(events: readonly StoredEvent[], input: Reader): Json {
  const limit = Math.min(input.number("limit") ?? largestPage, largestPage);
  const [, direction, at] = /^([fb])\/(\d+)$/.exec(input.text("nextToken") ?? "") ?? [];
  const fromHead = input.flag("startFromHead") === true;
  let start = fromHead ? 0 : Math.max(0, events.length - limit);
  let end = Math.min(events.length, start + limit);
  if (direction === "f") [start, end] = [Number(at), Math.min(events.length, Number(at) + limit)];
  if (direction === "b") [start, end] = [Math.max(0, Number(at) - limit), Number(at)];
  return {
    events: events.slice(start, end).map(({ timestamp, message }) => ({ timestamp, message, ingestionTime: timestamp })),
    nextForwardToken: `f/${end}`,
    nextBackwardToken: `b/${start}`,
  };
}
