import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { abortable } from "../support/abortable.ts";
import type { Operation } from "../support/operation.ts";
import type { ContextEntry, HashedEntry } from "./context-entry.ts";
import { contextHash } from "./context-hash.ts";
import { manifestOf, type ContextManifest } from "./context-manifest.ts";
import { readDockerfileText, type DockerfileText } from "./dockerfile-text.ts";
import { hashFiles } from "./hash-files.ts";
import { parseIgnoreFile } from "./ignore-file.ts";
import { createIgnoreMatcher } from "./ignore-matcher.ts";
import type { IgnorePattern } from "./ignore-pattern.ts";
import { walkContext } from "./walk-context.ts";

/** A build context as a program names it. */
export interface ContextSource {
  /** The folder, relative to `baseDir`. */
  readonly context: string;
  /** The Dockerfile, relative to `baseDir`. Default: `Dockerfile` in the context. */
  readonly dockerfile?: string;
  readonly target?: string;
  readonly baseDir: string;
}

/** A folder that was read. */
export interface ReadFolder {
  readonly root: string;
  readonly entries: readonly HashedEntry[];
  readonly contextHash: string;
  /** Bytes of all files. */
  readonly totalSize: number;
}

/** A folder with its Dockerfile. */
export interface ResolvedContext extends ReadFolder {
  /** Carried beside the context: an ignore file may hide it there. */
  readonly dockerfile: DockerfileText;
}

export interface InspectedContext {
  /** Everything that is wrong, each error with its property. */
  readonly failures: readonly CloudBuildError[];
  readonly resolved?: ResolvedContext;
}

/** Reads folders. */
export interface ContextReader {
  /** A folder by itself, whose own `.dockerignore` counts. */
  readFolder(source: Pick<ContextSource, "context" | "baseDir">, operation: Operation): Promise<ReadFolder>;
  inspect(source: ContextSource, operation: Operation): Promise<InspectedContext>;
  /** What a context that this reader read lately held, by its hash. Nothing is read again. */
  lately(contextHash: string): ContextManifest | undefined;
  /** Like `inspect`; rejects with the first failure. */
  resolve(source: ContextSource, operation: Operation): Promise<ResolvedContext>;
}

/** One reading that several callers wait for. It stops when none is left. */
interface SharedRead {
  readonly files: Promise<ReadFiles>;
  waiting: number;
  stop(): void;
}

interface ReadFiles {
  readonly entries: readonly HashedEntry[];
  readonly contextHash: string;
}

// Each costs some hundred bytes for each of its files.
const rememberedContexts = 8;

/** Reads and hashes build contexts. Resources that read the same one at the same time share the work. */
export function createContextReader(): ContextReader {
  const underWay = new Map<string, SharedRead>();
  const recent = new Map<string, readonly HashedEntry[]>();

  function remember({ contextHash: hash, entries }: ReadFiles): void {
    recent.delete(hash);
    recent.set(hash, entries);
    const [oldest] = recent.keys();
    if (recent.size > rememberedContexts && oldest !== undefined) recent.delete(oldest);
  }

  async function inspect(source: ContextSource, operation: Operation): Promise<InspectedContext> {
    const failures: CloudBuildError[] = [];
    const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof CloudBuildError) || operation.signal.aborted) throw error;
        failures.push(error);
        return undefined;
      }
    };
    const root = await attempt(() => findRoot(source));
    const dockerfile =
      root === undefined && source.dockerfile === undefined ? undefined : await attempt(() => readDockerfile(source, root ?? ""));
    const files = root === undefined ? undefined : await attempt(() => readOnce(root, readIgnoreFile(root, dockerfile?.path), operation));
    if (root === undefined || dockerfile === undefined || files === undefined || failures.length > 0) return { failures };
    return { failures, resolved: { ...readFolder(root, files), dockerfile } };
  }

  function readFolder(root: string, files: ReadFiles): ReadFolder {
    remember(files);
    const totalSize = files.entries.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.size : 0), 0);
    return { root, ...files, totalSize };
  }

  async function readOnce(root: string, ignore: IgnoreFile, operation: Operation): Promise<ReadFiles> {
    const key = `${root}\0${ignore.text}`;
    const shared = underWay.get(key) ?? begin(key, root, ignore, operation);
    shared.waiting += 1;
    try {
      return await abortable(shared.files, operation.signal);
    } finally {
      shared.waiting -= 1;
      if (shared.waiting === 0) shared.stop();
    }
  }

  function begin(key: string, root: string, ignore: IgnoreFile, operation: Operation): SharedRead {
    const controller = new AbortController();
    const files = readFiles(root, ignore.patterns, { ...operation, signal: controller.signal }).finally(() => underWay.delete(key));
    const shared = { files, waiting: 0, stop: () => controller.abort() };
    underWay.set(key, shared);
    return shared;
  }

  return {
    inspect,
    async readFolder(source, operation) {
      const root = findRoot(source);
      return readFolder(root, await readOnce(root, readIgnoreFile(root, undefined), operation));
    },
    lately(contextHash) {
      const entries = recent.get(contextHash);
      return entries && manifestOf(entries);
    },
    async resolve(source, operation) {
      const { failures, resolved } = await inspect(source, operation);
      if (resolved !== undefined) return resolved;
      throw failures[0] ?? new CloudBuildError("internal", `"${source.context}" could be neither read nor refused`);
    },
  };
}

/**
 * Lists what Docker would see of a folder, sorted by path bytes, without reading any content. A Dockerfile decides which ignore file
 * counts; it need not exist.
 */
export async function listContext(source: Omit<ContextSource, "target">, operation: Operation): Promise<readonly ContextEntry[]> {
  const root = findRoot(source);
  const ignore = readIgnoreFile(root, dockerfilePath(source, root));
  return walkContext(root, createIgnoreMatcher(ignore.patterns), operation);
}

async function readFiles(root: string, patterns: readonly IgnorePattern[], operation: Operation): Promise<ReadFiles> {
  const entries = await hashFiles(root, await walkContext(root, createIgnoreMatcher(patterns), operation), operation.signal);
  return { entries, contextHash: contextHash(entries) };
}

function findRoot({ context, baseDir }: Pick<ContextSource, "context" | "baseDir">): string {
  const root = resolve(baseDir, context);
  const problem = (what: string) => new CloudBuildError("context-unreadable", `"${context}" ${what}`, { property: "context" });
  if (context === "") throw problem("is empty; name the folder that holds the build context");
  const stats = statSync(root, { throwIfNoEntry: false });
  if (stats === undefined) throw problem(`does not exist; relative paths begin at the program's folder, "${baseDir}"`);
  if (!stats.isDirectory()) throw problem("is not a folder");
  return root;
}

function readDockerfile({ context, dockerfile, target, baseDir }: ContextSource, root: string): DockerfileText & { path: string } {
  const path = dockerfilePath({ dockerfile, baseDir }, root);
  const shown = dockerfile ?? `${context}/Dockerfile`;
  const bytes = readOptional(path, "dockerfile");
  if (bytes === undefined) throw new CloudBuildError("dockerfile-missing", `"${shown}" does not exist`, { property: "dockerfile" });
  return { path, ...readDockerfileText(bytes, target) };
}

function dockerfilePath({ dockerfile, baseDir }: { dockerfile?: string | undefined; baseDir: string }, root: string): string {
  return dockerfile === undefined ? join(root, "Dockerfile") : resolve(baseDir, dockerfile);
}

interface IgnoreFile {
  readonly text: string;
  readonly patterns: readonly IgnorePattern[];
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile counts first, then `.dockerignore` at the root of the context. */
function readIgnoreFile(root: string, dockerfile: string | undefined): IgnoreFile {
  const candidates = [...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]), join(root, ".dockerignore")];
  for (const path of candidates) {
    const text = readOptional(path, "context")?.toString("utf8");
    if (text !== undefined) return { text, patterns: parseIgnoreFile(text, path.slice(path.lastIndexOf("/") + 1)) };
  }
  return { text: "", patterns: [] };
}

function readOptional(path: string, property: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CloudBuildError(
      property === "dockerfile" ? "dockerfile-missing" : "context-unreadable",
      `"${path}" cannot be read: ${code ?? "unknown error"}`,
      { property, cause },
    );
  }
}
