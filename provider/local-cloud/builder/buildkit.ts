import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { isAlive, readIfThere } from "../state-folder.ts";
import { BuilderError, type Builder } from "./builder.ts";
import { findBuildx, findProgram } from "./find-program.ts";

const run = promisify(execFile);
const bootMs = 20_000;
const builderName = "local-cloud";

export interface BuilderOptions {
  /** Where the daemon keeps its layers; they survive a restart. */
  readonly folder: string;
  readonly log: (line: string) => void;
  /** `127.0.0.1:port` of the registry builds push to. */
  readonly registry: () => string;
}

/**
 * Builds with a buildkitd of this server's own where one can run (Linux, root, `buildkitd` and `runc` on PATH), started at the first build.
 * Elsewhere with the machine's Docker, in a container builder that shares the host's network, so that it reaches the registry.
 */
export function createBuilder(options: BuilderOptions): Builder {
  let daemon: Promise<Daemon> | undefined;
  let container: Promise<string> | undefined;

  return {
    async prepare(home, env) {
      const buildx = findBuildx();
      if (findProgram("docker") === undefined)
        throw new BuilderError("there is no docker client on PATH; install one, or run `make tools`");
      if (buildx === undefined) throw new BuilderError("docker has no buildx plugin; install docker-buildx, or run `make tools`");
      const config = join(home, ".docker");
      mkdirSync(join(config, "cli-plugins"), { recursive: true });
      symlinkSync(buildx, join(config, "cli-plugins", "docker-buildx"));
      const withConfig = { ...env, DOCKER_CONFIG: config };
      if (obstacle() !== undefined) {
        container ??= bootContainer(options, obstacle() ?? "").catch((error: unknown) => {
          container = undefined;
          throw error;
        });
        return { DOCKER_CONFIG: config, BUILDX_CONFIG: await container, BUILDX_BUILDER: builderName };
      }
      daemon ??= startDaemon(options).catch((error: unknown) => {
        daemon = undefined;
        throw error;
      });
      const { address, child } = await daemon;
      if (child.exitCode !== null || child.signalCode !== null) {
        // It was killed from outside: the next build gets a new one.
        daemon = undefined;
        throw new BuilderError("buildkitd ended unexpectedly; its last words are in the server's log");
      }
      await run("docker", ["buildx", "create", "--name", builderName, "--driver", "remote", address], { env: withConfig });
      return { DOCKER_CONFIG: config, BUILDX_BUILDER: builderName };
    },
    async close() {
      await (await daemon?.catch(() => undefined))?.stop();
      const config = await container?.catch(() => undefined);
      if (config === undefined) return;
      await run("docker", ["buildx", "rm", "--force", builderName], { env: { ...process.env, BUILDX_CONFIG: config } }).catch(
        () => undefined,
      );
      rmSync(config, { recursive: true, force: true });
    },
  };
}

/** Why no buildkitd can run here; undefined when one can. */
function obstacle(): string | undefined {
  if (process.platform !== "linux") return "buildkitd runs on Linux only";
  if (process.getuid?.() !== 0) return "buildkitd needs root";
  return ["buildkitd", "runc"].filter((name) => findProgram(name) === undefined).map((name) => `${name} is not on PATH`)[0];
}

interface Daemon {
  readonly address: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

async function startDaemon({ folder, log }: BuilderOptions): Promise<Daemon> {
  const root = join(folder, "buildkit");
  mkdirSync(root, { recursive: true });
  await endOrphan(root);
  // A socket's path may be 107 bytes long at most, and a state folder may lie deep.
  const run = mkdtempSync(join(tmpdir(), "cb-"));
  const address = `unix://${run}/buildkitd.sock`;
  const config = join(run, "buildkitd.toml");
  writeFileSync(
    config,
    `root = ${JSON.stringify(root)}\n[worker.containerd]\nenabled = false\n[worker.oci]\nenabled = true\nsnapshotter = "auto"\nnetworkMode = "host"\n`,
  );
  const child = spawn("buildkitd", ["--config", config, "--addr", address], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, TMPDIR: run },
  });
  const words: string[] = [];
  const hear = (chunk: Buffer): void => {
    for (const line of chunk.toString("utf8").trimEnd().split("\n")) {
      words.push(line);
      if (words.length > 20) words.shift();
      if (/level=(?:error|fatal)/.test(line)) log(`buildkitd: ${line}`);
    }
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  const gone = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  writeFileSync(join(root, "pid"), String(child.pid ?? ""));
  const daemon: Daemon = {
    address,
    child,
    async stop() {
      child.kill("SIGTERM");
      await Promise.race([gone, delay(5000, undefined, { ref: false })]);
      child.kill("SIGKILL");
      await gone;
      rmSync(run, { recursive: true, force: true });
      rmSync(join(root, "pid"), { force: true });
    },
  };
  for (const deadline = Date.now() + bootMs; Date.now() < deadline; await delay(40)) {
    if (child.exitCode !== null || child.pid === undefined) break;
    if (existsSync(address.replace("unix://", ""))) return daemon;
  }
  await daemon.stop();
  throw new BuilderError(`buildkitd does not start: ${words.slice(-5).join(" | ")}`);
}

/** A server that was killed leaves its daemon behind, which would keep the root locked. */
async function endOrphan(root: string): Promise<void> {
  const pid = Number(readIfThere(join(root, "pid")) ?? "");
  if (!(pid > 1) || !isAlive(pid) || !readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("buildkitd")) return;
  process.kill(pid, "SIGKILL");
  while (isAlive(pid)) await delay(20);
}

async function bootContainer({ registry, log }: BuilderOptions, why: string): Promise<string> {
  const config = mkdtempSync(join(tmpdir(), "cb-buildx-"));
  const toml = join(config, "buildkitd.toml");
  writeFileSync(toml, `[registry."${registry()}"]\nhttp = true\n`);
  log(`${why}: building with the machine's Docker instead`);
  const flags = [
    "--name",
    builderName,
    "--driver",
    "docker-container",
    "--driver-opt",
    "network=host",
    "--buildkitd-config",
    toml,
    "--bootstrap",
  ];
  try {
    await run("docker", ["buildx", "create", ...flags], { env: { ...process.env, BUILDX_CONFIG: config } });
    return config;
  } catch (error) {
    rmSync(config, { recursive: true, force: true });
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1) ?? (error as Error).message;
    throw new BuilderError(`nothing on this machine can build: ${why}, and its Docker cannot run a builder (${said})`);
  }
}
