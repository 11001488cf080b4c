import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileNameOf, nameOfFile } from "../state-folder.ts";

export interface LogEvent {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly message: string;
}

export interface StoredEvent extends LogEvent {
  readonly stream: string;
  /** Sorts like time and is unique within the group. */
  readonly id: string;
}

export interface LogStore {
  createGroup(group: string): void;
  createStream(group: string, stream: string): void;
  groups(): string[];
  streams(group: string): string[];
  hasGroup(group: string): boolean;
  hasStream(group: string, stream: string): boolean;
  deleteGroup(group: string): void;
  append(group: string, stream: string, events: readonly LogEvent[]): void;
  /** All events of a stream, oldest first. */
  read(group: string, stream: string): StoredEvent[];
  createdAt(group: string, stream?: string): number;
}

/** A group is a folder, a stream a file with one JSON event a line. */
export function createLogStore(folder: string): LogStore {
  const groupPath = (group: string): string => join(folder, fileNameOf(group));
  const streamPath = (group: string, stream: string): string => join(groupPath(group), `${fileNameOf(stream)}.jsonl`);
  mkdirSync(folder, { recursive: true });

  return {
    createGroup: (group) => void mkdirSync(groupPath(group), { recursive: true }),
    createStream: (group, stream) => {
      mkdirSync(groupPath(group), { recursive: true });
      appendFileSync(streamPath(group, stream), "");
    },
    groups: () => readdirSync(folder).map(nameOfFile).sort(),
    streams: (group) =>
      readdirSync(groupPath(group))
        .map((file) => nameOfFile(file.replace(/\.jsonl$/, "")))
        .sort(),
    hasGroup: (group) => existsSync(groupPath(group)),
    hasStream: (group, stream) => existsSync(streamPath(group, stream)),
    deleteGroup: (group) => rmSync(groupPath(group), { recursive: true }),
    append(group, stream, events) {
      if (events.length === 0) return;
      appendFileSync(
        streamPath(group, stream),
        events.map(({ timestamp, message }) => `${JSON.stringify([timestamp, message])}\n`).join(""),
      );
    },
    read(group, stream) {
      const lines = readFileSync(streamPath(group, stream), "utf8").split("\n").slice(0, -1);
      return lines.map((line, i) => {
        const [timestamp, message] = JSON.parse(line) as [number, string];
        return { timestamp, message, stream, id: `${String(timestamp).padStart(15, "0")}-${stream}-${String(i).padStart(9, "0")}` };
      });
    },
    createdAt: (group, stream) => Math.round(statSync(stream === undefined ? groupPath(group) : streamPath(group, stream)).birthtimeMs),
  };
}
