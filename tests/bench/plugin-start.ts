import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../support/cloud-process.ts";
import type { Row, Section } from "./section.ts";
import { inTurns, ms, times } from "./timing.ts";

/** How long the engine waits for the plugin, and what it costs to have it there. */
export const pluginStart: Section = {
  title: "Plugin start",
  async run(): Promise<readonly Row[]> {
    let memory = 0;
    const plugin = join(root, "provider/bin/pulumi-resource-cloudbuild");
    const [started, bare] = await inTurns(15, [
      {
        async run() {
          const child = await untilFirstLine(plugin, []);
          // The launcher replaces itself by Node, so this is the plugin's own.
          memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
          child.kill("SIGKILL");
        },
      },
      { run: async () => (await untilFirstLine(process.execPath, ["-e", "console.log(1)"])).kill("SIGKILL") },
    ]);
    return [
      {
        what: "to the port line",
        ours: ms(started),
        beside: `bare node to its first line ${ms(bare)}`,
        ratio: times(started, bare),
        goal: { text: "under 100 ms", met: started < 100 },
      },
      { what: "memory, no AWS client loaded", ours: `${memory.toFixed(0)} MB`, goal: { text: "under 70 MB", met: memory < 70 } },
    ];
  },
};

function untilFirstLine(command: string, args: readonly string[]): Promise<ChildProcess> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
    createInterface({ input: child.stdout }).once("line", () => resolve(child));
  });
}
