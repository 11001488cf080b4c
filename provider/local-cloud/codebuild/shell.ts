import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The shell that runs the commands of one build: variables and the working directory last from one command to the next. */
export interface Shell {
  /** Answers the exit status. Never rejects. */
  run(command: string, onLine: (line: string) => void): Promise<number>;
  /** The exported variables as the last command left them. */
  variables(): Readonly<Record<string, string>>;
  /** Ends every process of the build: TERM, and KILL to what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface ShellOptions {
  readonly shell: string;
  readonly folder: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Live {
  readonly child: ChildProcess;
  readonly marker: string;
  readonly gone: Promise<number>;
}

/**
 * One long-lived shell in a process group of its own. It reads a wrapper for each command from its standard input; output and exit status
 * come back on one pipe, in order, the status behind a marker no command can know. A command that ends the shell (`exit`, a syntax error) is
 * answered with the shell's status, and the next command gets a new shell with the variables of the last.
 */
export function createShell({ shell, folder, cwd, env }: ShellOptions): Shell {
  mkdirSync(folder, { recursive: true });
  const environmentFile = join(folder, "environment");
  let current: Readonly<Record<string, string>> = env;
  let live: Live | undefined;
  let directory = cwd;
  let stopped = false;
  let count = 0;

  function start(): Live {
    const child = spawn(shell, [], { cwd: directory, env: { ...current }, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const gone = new Promise<number>((resolve) => {
      child.once("error", () => resolve(127));
      child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 128 + 15)));
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.write("exec 2>&1\n");
    return { child, marker: `\u001e${randomUUID()}:`, gone };
  }

  async function run(command: string, onLine: (line: string) => void): Promise<number> {
    if (stopped) return 143;
    const { child, marker, gone } = (live ??= start());
    count += 1;
    const file = join(folder, `command-${count}`);
    writeFileSync(file, `${command}\n`);
    const { stdout, stderr } = child;
    let pending = "";
    return new Promise<number>((resolve) => {
      const onData = (chunk: Buffer): void => {
        pending += chunk.toString("utf8");
        for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
          const line = pending.slice(0, end);
          pending = pending.slice(end + 1);
          const at = line.indexOf(marker);
          if (at < 0) {
            onLine(line);
            continue;
          }
          // What a command wrote without a newline stands before the marker.
          if (at > 0) onLine(line.slice(0, at));
          const [status = "1", ...rest] = line.slice(at + marker.length).split(":");
          directory = rest.join(":");
          settle(Number(status));
        }
      };
      const settle = (status: number): void => {
        stdout?.off("data", onData);
        stderr?.off("data", onData);
        current = readEnvironment() ?? current;
        resolve(status);
      };
      stdout?.on("data", onData);
      stderr?.on("data", onData);
      void gone.then((status) => {
        if (live?.child === child) live = undefined;
        if (pending !== "") onLine(pending);
        pending = "";
        settle(status === 0 ? 0 : status);
      });
      const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
      child.stdin?.write(
        `. ${quoted(file)} </dev/null\n` +
          `__status=$?; command env -0 > ${quoted(environmentFile)}; printf '%s%s:%s\\n' ${quoted(marker)} "$__status" "$PWD"; unset __status\n`,
      );
    });
  }

  function readEnvironment(): Record<string, string> | undefined {
    try {
      const entries = readFileSync(environmentFile, "utf8")
        .split("\0")
        .filter((entry) => entry.includes("="));
      return Object.fromEntries(entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
    } catch {
      return undefined;
    }
  }

  return {
    run,
    variables: () => current,
    async stop(graceMs) {
      stopped = true;
      const pid = live?.child.pid;
      if (live === undefined || pid === undefined) return;
      const { gone } = live;
      signalGroup(pid, "SIGTERM");
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise((resolve) => (timer = setTimeout(resolve, graceMs)));
      await Promise.race([gone, patience]);
      clearTimeout(timer);
      signalGroup(pid, "SIGKILL");
      await gone;
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}
