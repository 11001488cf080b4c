import { spawn } from "node:child_process";
import { constants } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { startLocalCloud, type LocalCloud, type LocalCloudOptions } from "../../local-cloud/local-cloud.ts";
import type { CommandIo } from "./command-io.ts";

const usage = `usage: cloudbuild local [flags]
       cloudbuild local exec [flags] -- COMMAND...

Serves CodeBuild, ECR, S3, CloudWatch Logs, STS and a container registry on one port of 127.0.0.1, and really builds.
The first line on stdout is a JSON object: endpoint, registry, accountId, region, project, bucket, repositories, env.
With exec, COMMAND runs with that env, and with the JSON object in CLOUDBUILD_LOCAL; the server ends after it.

  --port N            the port (default: the one the state folder remembers, else a free one)
  --state DIR         keep everything here (default: a temporary folder)
  --region R          default us-east-1
  --account ID        twelve digits, default 000000000000
  --repository NAME   an ECR repository that exists from the start; may be repeated
  --project NAME      a CodeBuild project that exists from the start, default cloudbuild
  --bucket NAME       an S3 bucket that exists from the start, default cloudbuild-contexts
`;

class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `cloudbuild local`. Answers the exit code: 2 for wrong arguments, 1 when the server cannot start, that of COMMAND for exec. */
export async function localCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  const exec = argv[0] === "exec";
  const dashes = argv.indexOf("--");
  const command = exec && dashes >= 0 ? argv.slice(dashes + 1) : [];
  let options: LocalCloudOptions | undefined;
  try {
    options = parseOptions(argv.slice(exec ? 1 : 0, dashes >= 0 ? dashes : undefined), io);
    if (exec && options !== undefined && command.length === 0) throw new UsageError("exec needs a command after --");
    if (!exec && dashes >= 0) throw new UsageError("only exec takes a command");
  } catch (error) {
    io.stderr.write(`cloudbuild: ${(error as Error).message}\n${usage}`);
    return 2;
  }
  if (options === undefined) {
    io.stdout.write(usage);
    return 0;
  }
  // From here on a signal ends the server in order, or, with exec, leaves it to the command.
  const asked = exec ? undefined : untilSignal();
  let cloud: LocalCloud;
  try {
    cloud = await startLocalCloud({ ...options, log: (line) => void io.stderr.write(`${line}\n`) });
  } catch (error) {
    io.stderr.write(`cloudbuild: ${(error as Error).message}\n`);
    return 1;
  }
  const { endpoint, registry, accountId, region, project, bucket, repositories, env } = cloud;
  const about = JSON.stringify({ endpoint, registry, accountId, region, project, bucket, repositories, env });
  try {
    if (exec) return await runCommand(command, { ...io.env, ...env, CLOUDBUILD_LOCAL: about }, io);
    io.stdout.write(`${about}\n`);
    await asked;
    return 0;
  } finally {
    await cloud.close();
  }
}

/** undefined: help was asked for. */
function parseOptions(args: readonly string[], { cwd }: CommandIo): LocalCloudOptions | undefined {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: text,
      state: text,
      region: text,
      account: text,
      repository: { type: "string", multiple: true },
      project: text,
      bucket: text,
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return undefined;
  const { port, state, region, account, repository, project, bucket } = values;
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) <= 65_535)) throw new UsageError(`--port "${port}" is not a port`);
  if (account !== undefined && !/^\d{12}$/.test(account)) throw new UsageError(`--account "${account}" is not twelve digits`);
  return {
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(state === undefined ? {} : { stateDir: resolve(cwd, state) }),
    ...(region === undefined ? {} : { region }),
    ...(account === undefined ? {} : { accountId: account }),
    ...(repository === undefined ? {} : { repositories: repository }),
    ...(project === undefined ? {} : { project }),
    ...(bucket === undefined ? {} : { bucket }),
  };
}

function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
  });
}

/** Ctrl-C reaches the command by itself, and the command may need the cloud to clean up: this process waits for it. */
async function runCommand([program = "", ...args]: readonly string[], env: NodeJS.ProcessEnv, io: CommandIo): Promise<number> {
  const child = spawn(program, args, { stdio: "inherit", env, cwd: io.cwd });
  const ignore = (): void => undefined;
  const forward = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", ignore);
  process.on("SIGTERM", forward);
  try {
    return await new Promise<number>((done) => {
      child.once("error", (error) => {
        io.stderr.write(`cloudbuild: "${program}" cannot be run: ${error.message}\n`);
        done(127);
      });
      child.once("exit", (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", forward);
  }
}
