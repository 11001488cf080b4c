import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { cacheFolder } from "../../support/cache-folder.ts";
import type { Clock } from "../../support/clock.ts";
import type { Reporter } from "../../support/reporter.ts";
import { pruneStatCache } from "./prune-stat-cache.ts";
import { decodeKnownFiles, encodeKnownFiles, trustedFiles, type KnownFiles } from "./stat-cache-file.ts";

/** What files held when they were read last, kept on disk: a file whose stamp is the same need not be read again. */
export interface StatCache {
  /** undefined when nothing may be kept for this context. Never throws: a cache that cannot be used is none. */
  open(root: string, ignoreText: string, reporter: Reporter): ContextMemory | undefined;
}

/** What is kept for one folder under one set of ignore rules. */
export interface ContextMemory {
  readonly known: KnownFiles | undefined;
  /**
   * Puts these, which were read after `open`, in the place of what was known, as far as they can be trusted. Whoever reads meanwhile finds
   * the one or the other, whole. Never throws.
   */
  save(files: KnownFiles): void;
}

/** The stat cache among this user's caches; undefined where there is no place for those. */
export function userStatCache(env: NodeJS.ProcessEnv, clock: Clock): StatCache | undefined {
  const folder = cacheFolder(env);
  return folder === undefined ? undefined : createStatCache({ folder: join(folder, "contexts"), clock });
}

const touchEveryMs = 86_400_000;

/**
 * A stat cache in a folder, which is made when it is needed. Processes share it without locks: a file is written beside its place and
 * renamed, and one that is not whole is no cache. What is not used goes by itself.
 */
export function createStatCache({ folder, clock }: { folder: string; clock: Clock }): StatCache {
  return {
    open(root, ignoreText, reporter) {
      const attempt = <T>(work: () => T): T | undefined => {
        try {
          return work();
        } catch (error) {
          reporter.debug(`the context cache in ${folder} cannot be used: ${(error as Error).message}`);
          return undefined;
        }
      };
      return attempt(() => {
        // A cache inside of the context would be a part of it, and change it.
        if (liesIn(realPath(folder), realPath(root))) return undefined;
        const openedAt = clock.now();
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        pruneStatCache(folder, openedAt);
        const name = createHash("sha256").update(root).update("\0").update(ignoreText).digest("hex");
        const path = join(folder, `${name}.stat`);
        return {
          known: attempt(() => load(path, name, clock)),
          save: (files) => void attempt(() => replace(path, encodeKnownFiles(trustedFiles(files, openedAt), name))),
        };
      });
    },
  };
}

/** Also of what does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return join(realPath(dirname(path)), basename(path));
  }
}

function liesIn(folder: string, root: string): boolean {
  const way = relative(root, folder);
  return way !== ".." && !way.startsWith(`..${sep}`);
}

function load(path: string, name: string, clock: Clock): KnownFiles | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const now = clock.now();
  // The time of the file says when it was used last.
  if (Math.abs(now - stats.mtimeMs) > touchEveryMs) utimesSync(path, now / 1000, now / 1000);
  return decodeKnownFiles(readFileSync(path), name);
}

function replace(path: string, bytes: Buffer): void {
  const part = `${path}.${randomUUID()}.part`;
  try {
    writeFileSync(part, bytes, { mode: 0o600, flag: "wx" });
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
