import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { EngineClient, FakeEngine, Json } from "./fake-engine.ts";
import { root } from "./cloud-process.ts";

/** The plugin as the engine starts it: a process that says its port, with a pipe on stdin that ends when the engine does. */
export interface ProviderProcess {
  readonly client: EngineClient;
  readonly process: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals | null>;
  /** SIGKILL by default: tests of an orderly end say so. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ProviderProcessOptions {
  readonly engine: FakeEngine;
  readonly env: Readonly<Record<string, string>>;
  readonly config?: Json;
  readonly cwd?: string;
}

export async function startProvider({ engine, env, config = {}, cwd = root }: ProviderProcessOptions): Promise<ProviderProcess> {
  const home = mkdtempSync(join(tmpdir(), "provider-home-"));
  const child = spawn(process.execPath, [join(root, "provider/dist/plugin.mjs"), engine.address], {
    cwd,
    // Nothing of the AWS environment of whoever runs the tests gets in.
    env: { PATH: process.env["PATH"], HOME: home, AWS_EC2_METADATA_DISABLED: "true", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  void exited.then(() => rmSync(home, { recursive: true, force: true }));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line)));
    void exited.then((code) => reject(new Error(`the plugin ended with ${String(code)}`)));
  });
  const client = engine.connect(port);
  await client.handshake(engine.address);
  await client.configure(config);
  return {
    client,
    process: child,
    exited,
    async stop(signal = "SIGKILL") {
      child.kill(signal);
      await exited;
    },
  };
}
