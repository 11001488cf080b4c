import packageJson from "../../../package.json" with { type: "json" };
import type { CommandIo } from "./command-io.ts";
import { contextCommand } from "./context-command.ts";

const usage = `usage: cloudbuild <command>

  local [flags]               serve CodeBuild, ECR, S3, CloudWatch Logs and a registry on this machine
  local exec [flags] -- CMD   the same while CMD runs
  context ls DIR [-f FILE]    list a build context as Docker would see it
  context size DIR [-f FILE]  say what makes a build context large
  context hash DIR [-f FILE]  print the hash of a build context
  version                     print the version

\`cloudbuild <command> --help\` says more.
`;

const io: CommandIo = { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() };
const [command, ...rest] = process.argv.slice(2);
process.exitCode = await run();

async function run(): Promise<number> {
  switch (command) {
    case "local":
      // Most of what there is to load is for this one alone.
      return (await import("./local-command.ts")).localCommand(rest, io);
    case "context":
      return contextCommand(rest, io);
    case "version":
    case "--version":
      io.stdout.write(`${packageJson.version}\n`);
      return 0;
    case "help":
    case "--help":
      io.stdout.write(usage);
      return 0;
    case undefined:
      io.stderr.write(usage);
      return 2;
    default:
      io.stderr.write(`cloudbuild: "${command}" is not a command\n${usage}`);
      return 2;
  }
}
