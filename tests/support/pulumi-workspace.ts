import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./cloud-process.ts";
import packageJson from "../../package.json" with { type: "json" };

export interface Ran {
  readonly code: number;
  /** stdout and stderr together, in the order they came. */
  readonly output: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface Running {
  readonly process: ChildProcess;
  readonly done: Promise<Ran>;
  /** Resolves when the output holds this text. */
  until(text: string | RegExp): Promise<void>;
}

/** A copy of an example with a stack, a backend and a PULUMI_HOME of its own: a machine on which nothing was installed. */
export interface PulumiWorkspace {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the Pulumi CLI; fails unless it ends with the expected code, 0 if none is given. */
  pulumi(args: readonly string[], expectedCode?: number | "any"): Promise<Ran>;
  start(args: readonly string[]): Running;
  outputs(): Promise<Record<string, unknown>>;
  close(): void;
}

export interface WorkspaceOptions {
  /** A folder below examples/, or any folder. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, string>>;
}

/** The plugin archive `make dist` made for this machine. */
export function pluginArchive(): string {
  const found = readdirSync(join(root, "dist")).find((name) => name.startsWith(`pulumi-resource-cloudbuild-v${packageJson.version}-`));
  if (found === undefined) throw new Error("there is no plugin archive; run `make dist`");
  return join(root, "dist", found);
}

export async function createWorkspace({ program, env, config = {} }: WorkspaceOptions): Promise<PulumiWorkspace> {
  const base = mkdtempSync(join(tmpdir(), "pulumi-workspace-"));
  const folder = join(base, "program");
  cpSync(existsSync(program) ? program : join(root, "examples", program), folder, { recursive: true });
  for (const name of ["home", "state"]) mkdirSync(join(base, name));
  if (existsSync(join(folder, "package.json"))) linkPackages(folder);
  const own = {
    ...env,
    PULUMI_HOME: join(base, "home"),
    PULUMI_BACKEND_URL: `file://${join(base, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "local",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_SKIP_CHECKPOINTS: "false",
    // Checking the program's types again at each run takes most of its time; `tsc` does it once.
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
  };

  function start(args: readonly string[]): Running {
    const startedAt = performance.now();
    const child = spawn("pulumi", [...args, "--non-interactive", "--color", "never"], {
      cwd: folder,
      env: { ...process.env, ...own },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, stdout, stderr] = ["", "", ""];
    const waiting: { text: string | RegExp; resolve: () => void }[] = [];
    const hear = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
      for (const { text, resolve } of waiting) if (typeof text === "string" ? output.includes(text) : text.test(output)) resolve();
    };
    child.stdout.on("data", (chunk: Buffer) => (hear(chunk), (stdout += chunk.toString("utf8"))));
    child.stderr.on("data", (chunk: Buffer) => (hear(chunk), (stderr += chunk.toString("utf8"))));
    const done = new Promise<Ran>((resolve) => {
      child.once("close", (code) => resolve({ code: code ?? -1, output, stdout, stderr, ms: performance.now() - startedAt }));
    });
    return {
      process: child,
      done,
      until: (text) =>
        new Promise((resolve, reject) => {
          waiting.push({ text, resolve });
          hear(Buffer.alloc(0));
          void done.then(() => reject(new Error(`pulumi ${args.join(" ")} ended before it said ${text}:\n${output}`)));
        }),
    };
  }

  async function pulumi(args: readonly string[], expectedCode: number | "any" = 0): Promise<Ran> {
    const ran = await start(args).done;
    if (expectedCode !== "any" && ran.code !== expectedCode)
      throw new Error(`pulumi ${args.join(" ")} ended with ${ran.code}:\n${ran.output}`);
    return ran;
  }

  await pulumi(["stack", "init", "dev"]);
  for (const [key, value] of Object.entries(config)) await pulumi(["config", "set", key, value]);
  return {
    folder,
    env: own,
    pulumi,
    start,
    outputs: async () => JSON.parse((await pulumi(["stack", "output", "--json"])).stdout) as Record<string, unknown>,
    close: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** A program of these resources and outputs, the plugin found by its folder. YAML takes JSON. */
export function yamlProgram(resources: Readonly<Record<string, object>>, outputs: Readonly<Record<string, string>> = {}): string {
  const plugins = { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] };
  return JSON.stringify({ name: "program", runtime: "yaml", plugins, resources, outputs });
}

/** What `npm install` would bring, from this checkout. */
function linkPackages(folder: string): void {
  const modules = join(folder, "node_modules");
  for (const scope of ["@pulumi", "@types"]) mkdirSync(join(modules, scope), { recursive: true });
  for (const name of ["@pulumi/pulumi", "@types/node", "typescript"]) symlinkSync(join(root, "node_modules", name), join(modules, name));
  symlinkSync(join(root, "sdk/nodejs/bin"), join(modules, "pulumi-cloudbuild"));
}

/** Installs the plugin as a user does, from the archive. */
export function installPlugin({ env }: Pick<PulumiWorkspace, "env">): void {
  run("pulumi", ["plugin", "install", "resource", "cloudbuild", packageJson.version, "--file", pluginArchive()], env);
}
