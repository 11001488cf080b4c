import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/cloud-process.ts";
import { bundle } from "./bundle.ts";
import type { Reading } from "./context-process.ts";
import type { Row, Section } from "./section.ts";
import { asThePlugin, inTurns, megabytes, ms, runProgram, times, writeOut } from "./timing.ts";
import { makeTree, type Tree } from "./tree.ts";

/**
 * Hashing build contexts, the page cache warm, each time in a new process. What runs in Node is timed without the start of Node,
 * ours and aws-cdk-lib's alike, because the plugin runs already when it hashes.
 */
export const hashing: Section = {
  title: "Hashing a context",
  async run({ trees, scratch }) {
    const program = await bundle("context-process.ts", join(scratch, "programs"));
    const rows: Row[] = [await ofFewFiles(scratch, program)];
    for (const tree of trees) rows.push(...(await ofTree(tree, scratch, program)));
    return rows;
  },
};

const fewFilesMs = 10;

/** What most contexts are like: a helper thread would take longer to start than all of it takes. */
async function ofFewFiles(scratch: string, program: string): Promise<Row> {
  const folder = join(scratch, "few");
  makeTree(folder, 30, 300e3);
  const [cold] = await inTurns(15, [{ run: () => read(program, folder, "-").ms }]);
  return { what: "30 files / 300 kB: cold", ours: ms(cold), goal: { text: `under ${fewFilesMs} ms`, met: cold < fewFilesMs } };
}

function read(program: string, ...args: readonly string[]): Reading {
  const env = { ...process.env, ...asThePlugin.env };
  return JSON.parse(runProgram(process.execPath, [...asThePlugin.flags, program, ...args], { env })) as Reading;
}

async function ofTree(tree: Tree, scratch: string, program: string): Promise<readonly Row[]> {
  const { name, folder, judged, rounds } = tree;
  const home = join(scratch, "home");
  const cache = join(scratch, "contexts");
  const env = { ...process.env, HOME: home };
  const peaks = { cold: 0, warm: 0 };
  const timed = (kind: keyof typeof peaks) => (): number => {
    const reading = read(program, folder, kind === "cold" ? "-" : cache);
    peaks[kind] = Math.max(peaks[kind], reading.peakBytes);
    return reading.ms;
  };
  const fingerprint = (): number => Number(runProgram(process.execPath, ["-e", fingerprintScript, folder], { env }));
  const forget = (): void => {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home);
  };

  const [cold, tar, coldCdk] = await inTurns(rounds, [
    { run: timed("cold") },
    { run: () => runProgram("sh", ["-c", "tar cf - . | openssl sha256"], { cwd: folder }) && undefined },
    { before: forget, run: fingerprint },
  ]);
  const status = gitStatus(tree, scratch);
  const [warm, git, warmCdk] = await inTurns(rounds, [{ run: timed("warm") }, { run: () => status() && undefined }, { run: fingerprint }]);
  const goal = (text: string, met: boolean): Pick<Row, "goal"> => (judged ? { goal: { text, met } } : {});
  const row = (what: string, ours: number, beside: string, theirs: number) => ({
    what: `${name}: ${what}`,
    ours: ms(ours),
    beside: `${beside} ${ms(theirs)}`,
  });
  return [
    {
      ...row("cold", cold, "`tar cf - . \\| openssl sha256`", tar),
      ratio: `${times(cold, tar)} the time`,
      ...goal("under 1×", cold < tar),
    },
    {
      ...row("cold", cold, "aws-cdk-lib's fingerprint", coldCdk),
      ratio: `${times(coldCdk, cold)} as fast`,
      ...goal("at least 2.5×", coldCdk >= 2.5 * cold),
    },
    {
      ...row("nothing changed", warm, "`git status`", git),
      ratio: `${times(warm, git)} the time`,
      ...goal("at most 2.5×", warm <= 2.5 * git),
    },
    {
      ...row("nothing changed", warm, "aws-cdk-lib's fingerprint, cached", warmCdk),
      ratio: `${times(warmCdk, warm)} as fast`,
      ...goal("at least 1.5×", warmCdk >= 1.5 * warm),
    },
    { what: `${name}: peak memory of the process`, ours: `${megabytes(peaks.cold)} cold, ${megabytes(peaks.warm)} when nothing changed` },
    ...(await wholeProcesses(tree, scratch)),
  ];
}

/** What a person at a terminal waits for. */
async function wholeProcesses({ name, folder, rounds }: Tree, scratch: string): Promise<readonly Row[]> {
  const env = { ...process.env, XDG_CACHE_HOME: join(scratch, "xdg"), NODE_COMPILE_CACHE: join(scratch, "compiled") };
  const hash = (...flags: readonly string[]) => ({
    run: () => runProgram(process.execPath, [join(root, "provider/dist/cli.mjs"), "context", "hash", folder, ...flags], { env }),
  });
  const [cold, warm, bare] = await inTurns(rounds, [
    hash("--no-cache"),
    hash(),
    { run: () => runProgram(process.execPath, ["-e", "console.log(1)"]) },
  ]);
  return [
    {
      what: `${name}: \`cloudbuild context hash\``,
      ours: `${ms(cold)} cold, ${ms(warm)} when nothing changed`,
      beside: `bare node ${ms(bare)}`,
    },
  ];
}

// The module itself, without the rest of the library: the comparison is about hashing.
const fingerprintModule = join(root, ".make/bench/node_modules/aws-cdk-lib/core/lib/fs/fingerprint.js");
const fingerprintScript = `
const { fingerprint } = require(${JSON.stringify(fingerprintModule)});
const at = performance.now();
fingerprint(process.argv[1]);
console.log(performance.now() - at);`;

/** Everything is added beforehand, to a repository beside the tree, so that the tree stays what it is. */
function gitStatus({ folder }: Tree, scratch: string): () => string {
  const repository = join(scratch, "git");
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" };
  const git = (...args: readonly string[]) =>
    runProgram("git", [`--git-dir=${repository}`, `--work-tree=${folder}`, "-c", "core.compression=0", ...args], { env });
  rmSync(repository, { recursive: true, force: true });
  git("init", "--quiet");
  git("add", "--all");
  writeOut();
  return () => git("status", "--porcelain");
}
