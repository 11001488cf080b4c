import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const dayMs = 86_400_000;
const unusedMs = 30 * dayMs;
/** What a killed run left behind is nobody's any more after this. */
const partMs = dayMs / 24;
/** A context of 50,000 files takes 5 MB. */
const mostBytes = 256 << 20;

/**
 * Takes out of the folder what was not used for 30 days, parts of files that nobody is writing any more, and, least recently used first,
 * what is over 256 MiB. Looks once a day; other calls cost one look at the mark of the last.
 */
export function pruneStatCache(folder: string, now: number): void {
  const mark = join(folder, "pruned");
  const last = statSync(mark, { throwIfNoEntry: false })?.mtimeMs;
  if (last !== undefined && Math.abs(now - last) < dayMs) return;
  // Before the work, so that of runs at the same time one does it.
  writeFileSync(mark, "", { mode: 0o600 });
  utimesSync(mark, now / 1000, now / 1000);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".stat") || name.endsWith(".part"))
    .flatMap((name) => {
      const stats = statSync(join(folder, name), { throwIfNoEntry: false });
      return stats === undefined ? [] : [{ name, size: stats.size, age: now - stats.mtimeMs }];
    })
    .sort((a, b) => a.age - b.age);
  let kept = 0;
  for (const { name, size, age } of files) {
    const stays = age < (name.endsWith(".part") ? partMs : unusedMs) && kept + size <= mostBytes;
    if (stays) kept += size;
    else rmSync(join(folder, name), { force: true });
  }
}
