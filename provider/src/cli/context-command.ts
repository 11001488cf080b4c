import { parseArgs } from "node:util";
import { listContext } from "../context/context-reader.ts";
import { encodePath } from "../context/path-bytes.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { silentReporter } from "../support/reporter.ts";
import type { CommandIo } from "./command-io.ts";

const usage = `usage: cloudbuild context ls DIR [-f DOCKERFILE]

Lists the build context of DIR as Docker would see it: one path a line, sorted bytewise, folders with a trailing slash.
Ignore files count as they do for docker build: DOCKERFILE.dockerignore first, else DIR/.dockerignore.
`;

/** `cloudbuild context`. Answers the exit code: 2 for anything wrong with the arguments, the folder or the ignore file. */
export async function contextCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { file: { type: "string", short: "f" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help === true) {
      io.stdout.write(usage);
      return 0;
    }
    const [verb, context, ...extra] = positionals;
    if (verb !== "ls" || context === undefined || extra.length > 0) {
      io.stderr.write(usage);
      return 2;
    }
    io.stdout.write(await listing(context, values.file, io));
    return 0;
  } catch (error) {
    if (!(error instanceof CloudBuildError) && !isUsageError(error)) throw error;
    io.stderr.write(`cloudbuild: ${error instanceof CloudBuildError ? error.describe() : `${error.message}\n${usage}`}\n`);
    return 2;
  }
}

async function listing(context: string, dockerfile: string | undefined, { cwd, stderr }: CommandIo): Promise<Buffer> {
  const reporter = { ...silentReporter, warn: (text: string) => void stderr.write(`cloudbuild: ${text}\n`) };
  const operation = { signal: new AbortController().signal, timeoutMs: Infinity, reporter, urn: "cloudbuild context ls" };
  const entries = await listContext({ context, baseDir: cwd, ...(dockerfile === undefined ? {} : { dockerfile }) }, operation);
  const lines = entries.map(({ path, kind }) => encodePath(kind === "folder" ? `${path}/` : path));
  // A folder sorts as it is printed: its slash decides between `a/` and `a-b`.
  return Buffer.concat(lines.sort((a, b) => Buffer.compare(a, b)).flatMap((line) => [line, newline]));
}

const newline = Buffer.from("\n");

function isUsageError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}
