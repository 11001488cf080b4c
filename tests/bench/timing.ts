import { spawnSync } from "node:child_process";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** One of the ways of doing a thing that are compared. */
export interface Way {
  /** Not timed. */
  readonly before?: () => unknown;
  /** A number that it answers counts in the place of the time that passed, in milliseconds. */
  readonly run: () => unknown;
}

/** Times several ways in turns, so that what disturbs one disturbs all, and answers the median of each in milliseconds. */
export async function inTurns<const Ways extends readonly Way[]>(rounds: number, ways: Ways): Promise<{ [K in keyof Ways]: number }> {
  const times = ways.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, way] of ways.entries()) {
      await way.before?.();
      const at = performance.now();
      const answer = await way.run();
      // The first round warms caches up.
      if (round > 0) times[i]?.push(typeof answer === "number" ? answer : performance.now() - at);
    }
  }
  return times.map(median) as { [K in keyof Ways]: number };
}

/** Runs a program to its end and answers its stdout; throws unless it ends well. */
export function runProgram(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${error?.message ?? stderr}`);
  return stdout;
}

/** How the plugin's launcher starts Node: for programs that stand for the plugin. */
export const asThePlugin = {
  flags: ["--max-semi-space-size=2"],
  env: { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072" },
} as const;

/** Waits until what was written is on disk: writing it back takes the time of whatever runs meanwhile. */
export function writeOut(): void {
  runProgram("sync", []);
}

export const ms = (value: number): string =>
  value < 10_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : `${(value / 1000).toFixed(1)} s`;
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
export const times = (a: number, b: number): string => `${(a / b).toFixed(2)}×`;
