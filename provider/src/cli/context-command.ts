import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ContextEntry } from "../context/context-entry.ts";
import { createContextReader, listContext, type ContextSource } from "../context/files/context-reader.ts";
import { encodePath } from "../context/path-bytes.ts";
import { describeParts, sizedFiles } from "../context/shipping/size-report.ts";
import { userStatCache } from "../context/files/stat-cache.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { systemClock } from "../support/clock.ts";
import type { Operation } from "../support/operation.ts";
import { silentReporter } from "../support/reporter.ts";
import type { CommandIo } from "./command-io.ts";

const usage = `usage: cloudbuild context ls DIR [-f DOCKERFILE]
       cloudbuild context size DIR [-f DOCKERFILE]
       cloudbuild context hash DIR [-f DOCKERFILE] [--no-cache]

ls lists the build context of DIR as Docker would see it: one path a line, sorted bytewise, folders with a trailing slash.
size says how large it is, what makes it so, and for each such part the line of the ignore file that leaves it out.
hash prints its contextHash, as the provider computes it: 64 hex. The Dockerfile must exist.
Ignore files count as they do for docker build: DOCKERFILE.dockerignore first, else DIR/.dockerignore.

  -f, --file DOCKERFILE   default DIR/Dockerfile
  --no-cache              read every file, also those that are as they were at the last time
`;

/** `cloudbuild context`. Answers the exit code: 2 for anything wrong with the arguments, the folder or the ignore file. */
export async function contextCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { file: { type: "string", short: "f" }, "no-cache": { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help === true) {
      io.stdout.write(usage);
      return 0;
    }
    const [verb, context, ...extra] = positionals;
    const command = commands.get(verb);
    if (command === undefined || context === undefined || extra.length > 0) {
      io.stderr.write(usage);
      return 2;
    }
    const source = { context, baseDir: io.cwd, ...(values.file === undefined ? {} : { dockerfile: values.file }) };
    io.stdout.write(await command(source, { cached: values["no-cache"] !== true }, io));
    return 0;
  } catch (error) {
    if (!(error instanceof CloudBuildError) && !isUsageError(error)) throw error;
    io.stderr.write(`cloudbuild: ${error instanceof CloudBuildError ? error.describe() : `${error.message}\n${usage}`}\n`);
    return 2;
  }
}

type Command = (source: ContextSource, options: { readonly cached: boolean }, io: CommandIo) => Promise<Buffer | string>;

const commands = new Map<string | undefined, Command>([
  ["ls", async (source, _, io) => listing(await listContext(source, operationOf(io)))],
  ["size", async (source, _, io) => sizes(await listContext(source, operationOf(io)), source)],
  ["hash", async (source, { cached }, io) => hashing(source, cached, io)],
]);

function listing(entries: readonly ContextEntry[]): Buffer {
  const lines = entries.map(({ path, kind }) => encodePath(kind === "folder" ? `${path}/` : path));
  // A folder sorts as it is printed: its slash decides between `a/` and `a-b`.
  return Buffer.concat(lines.sort((a, b) => Buffer.compare(a, b)).flatMap((line) => [line, newline]));
}

function sizes(entries: readonly ContextEntry[], { context, baseDir }: ContextSource): string {
  return `${describeParts(context, sizedFiles(resolve(baseDir, context), entries))}\n`;
}

async function hashing(source: ContextSource, cached: boolean, io: CommandIo): Promise<string> {
  const reader = createContextReader(cached ? userStatCache(io.env, systemClock) : undefined);
  const { contextHash } = await reader.resolve(source, operationOf(io));
  return `${contextHash}\n`;
}

function operationOf({ stderr }: CommandIo): Operation {
  const reporter = { ...silentReporter, warn: (text: string) => void stderr.write(`cloudbuild: ${text}\n`) };
  return { signal: new AbortController().signal, timeoutMs: Infinity, reporter, urn: "cloudbuild context" };
}

const newline = Buffer.from("\n");

function isUsageError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}
