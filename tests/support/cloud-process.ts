import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LocalCloudAddress } from "../../provider/local-cloud/local-cloud.ts";

export const root = join(import.meta.dirname, "../..");

/** A `cloudbuild local` process, as a user starts it. */
export interface CloudProcess extends LocalCloudAddress {
  readonly pid: number;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Calls by name since the last reset. */
  calls(): Promise<Readonly<Record<string, number>>>;
  resetCalls(): Promise<void>;
  setFaults(faults: readonly object[]): Promise<void>;
  /** SIGTERM by default; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export async function startCloudProcess(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<CloudProcess> {
  const child: ChildProcess = spawn(join(root, "provider/bin/cloudbuild"), ["local", ...flags], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => (words += chunk.toString("utf8")));
  const gone = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const address = await new Promise<LocalCloudAddress>((resolve, reject) => {
    if (child.stdout === null) return reject(new Error("no stdout"));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line) as LocalCloudAddress));
    void gone.then((code) => reject(new Error(`cloudbuild local ended with ${code}: ${words}`)));
  });
  const control = (path: string, init?: RequestInit): Promise<Response> => fetch(`${address.endpoint}/_cloudbuild/${path}`, init);
  return {
    ...address,
    pid: child.pid ?? 0,
    stderr: () => words,
    calls: async () => (await (await control("calls")).json()) as Record<string, number>,
    resetCalls: async () => void (await control("calls", { method: "DELETE" })),
    setFaults: async (faults) => {
      const response = await control("faults", { method: "PUT", body: JSON.stringify(faults) });
      if (!response.ok) throw new Error(await response.text());
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return gone;
    },
  };
}

/** Runs a program to its end; throws with its output when it fails. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    env: { ...process.env, ...env },
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${error?.message ?? ""}${stderr}${stdout}`);
  return stdout;
}

/** A registry client of its own, signed in with what `aws ecr` says, as a user would. */
export function signInWithCrane({ env, registry }: LocalCloudAddress): { crane: (...args: string[]) => string; close: () => void } {
  const config = mkdtempSync(join(tmpdir(), "crane-"));
  const password = run("aws", ["ecr", "get-login-password"], env);
  run("crane", ["auth", "login", registry, "--username", "AWS", "--password-stdin"], { DOCKER_CONFIG: config }, password);
  return {
    crane: (...args) => run("crane", args, { DOCKER_CONFIG: config }),
    close: () => rmSync(config, { recursive: true, force: true }),
  };
}
