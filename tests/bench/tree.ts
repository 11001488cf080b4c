import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A generated build context. */
export interface Tree {
  /** `50,000 files / 1 GB`. */
  readonly name: string;
  readonly folder: string;
  /** Whether the goals for hashing are about contexts of this size. Others are shown beside it. */
  readonly judged: boolean;
  /** How often it is timed: large ones take long, and are steadier. */
  readonly rounds: number;
}

const chunkBytes = 8 << 20;

/**
 * Writes `files` files of `bytes` in all below `folder`: eight in a folder, sizes spread as those of source trees are (most small, a few
 * large), half text, half what does not compress. The same names and sizes each time.
 */
export function makeTree(folder: string, files: number, bytes: number): void {
  const weights = logNormal(files);
  const sum = weights.reduce((a, b) => a + b, 0);
  const [text, noise] = [Buffer.alloc(chunkBytes, "the quick brown fox jumps over the lazy dog\n"), randomBytes(chunkBytes)];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\nCOPY . /\n");
  for (const [i, weight] of weights.entries()) {
    const size = Math.min(Math.max(8, Math.round((weight / sum) * bytes)), chunkBytes);
    const content = Buffer.from((i % 2 === 0 ? text : noise).subarray(0, size));
    content.writeUInt32BE(i);
    const part = Math.floor(i / 8);
    const path = join(
      folder,
      `package-${part % 40}`,
      `module-${Math.floor(part / 40) % 25}`,
      `part-${Math.floor(part / 1000)}`,
      `file-${i}.ts`,
    );
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

function logNormal(count: number): number[] {
  let seed = 1;
  const uniform = (): number => ((seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) + 0.5) / 2 ** 32;
  return Array.from({ length: count }, () => Math.exp(1.7 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())));
}
