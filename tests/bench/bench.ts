// `make bench`: what the design promises in numbers, beside known programs, in the same run. Wall clock on a busy machine is noise; the ratios
// are what counts. Prints, and writes docs/benchmarks.md. `node tests/bench/bench.ts hashing` runs the sections with that word in their title.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../support/cloud-process.ts";
import { hashing } from "./hashing.ts";
import { pluginStart } from "./plugin-start.ts";
import { preview } from "./preview.ts";
import { describe, page, type Measured } from "./report.ts";
import type { Section } from "./section.ts";
import { shipping } from "./shipping.ts";
import { writeOut } from "./timing.ts";
import { makeTree, type Tree } from "./tree.ts";

// The last one changes the trees.
const sections: readonly Section[] = [pluginStart, hashing, preview, shipping];

const [word = ""] = process.argv.slice(2);
const chosen = sections.filter(({ title }) => title.toLowerCase().includes(word));
const base = mkdtempSync(join(tmpdir(), "cloudbuild-bench-"));
const scratch = join(base, "scratch");
mkdirSync(scratch);
const trees: readonly Tree[] = [
  { name: "2,000 files / 100 MB", folder: join(base, "small"), files: 2000, bytes: 100e6, judged: false, rounds: 11 },
  { name: "50,000 files / 1 GB", folder: join(base, "large"), files: 50_000, bytes: 1e9, judged: true, rounds: 5 },
].map(({ files, bytes, ...tree }) => {
  makeTree(tree.folder, files, bytes);
  return tree;
});
writeOut();
try {
  const measured: Measured[] = [];
  for (const { title, run } of chosen) {
    const section = { title, rows: await run({ trees, scratch }) };
    process.stdout.write(`${describe(section)}\n`);
    measured.push(section);
  }
  if (chosen.length === sections.length) writeFileSync(join(root, "docs/benchmarks.md"), page(measured, new Date()));
} finally {
  rmSync(base, { recursive: true, force: true });
}
