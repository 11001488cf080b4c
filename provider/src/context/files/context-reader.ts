import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { abortable } from "../../support/abortable.ts";
import type { Operation } from "../../support/operation.ts";
import type { ContextEntry, ContextFile } from "../context-entry.ts";
import { sortByPath } from "../path-bytes.ts";
import { manifestOf, type ContextManifest } from "../context-manifest.ts";
import { checkDockerfile, dockerfileText, type DockerfileText } from "./dockerfile-text.ts";
import { hashContext, type HashedContext } from "./hash-context.ts";
import { parseIgnoreFile, type IgnoreFile } from "./ignore-file.ts";
import { createIgnoreMatcher } from "./ignore-matcher.ts";
import type { StatCache } from "./stat-cache.ts";
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
export interface ReadFolder extends HashedContext {
  readonly root: string;
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
  /** What a context that this reader remembers held, by its hash. Nothing is read again. */
  manifest(contextHash: string): ContextManifest | undefined;
  /** Like `inspect`; rejects with the first failure. */
  resolve(source: ContextSource, operation: Operation): Promise<ResolvedContext>;
}

/** One reading that several callers wait for. It stops when none is left; when it succeeded, it is remembered. */
interface SharedRead {
  readonly files: Promise<HashedContext>;
  waiting: number;
  stop(): void;
}

// An entry takes 200 to 250 bytes of memory (measured).
const mostEntries = 400_000;

/**
 * Reads and hashes build contexts, each once in the life of the reader, which is one preview or one `up`: what was checked is what is built.
 * Resources that read the same one at the same time share the work. A reading that failed or was given up is not remembered; when many large
 * contexts were read, the ones read first are forgotten.
 */
export function createContextReader(cache?: StatCache, mostRemembered = mostEntries): ContextReader {
  const underWay = new Map<string, SharedRead>();
  const read = new Map<string, HashedContext>();
  const dockerfiles = new Map<string, Dockerfile>();

  function remember(key: string, files: HashedContext): void {
    read.set(key, files);
    let entries = read.values().reduce((sum, one) => sum + one.entries.length, 0);
    for (const [oldest, { entries: dropped }] of read) {
      if (entries <= mostRemembered || oldest === key) return;
      read.delete(oldest);
      entries -= dropped.length;
    }
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
      root === undefined && source.dockerfile === undefined ? undefined : await attempt(() => dockerfileOf(source, root ?? ""));
    const files = root === undefined ? undefined : await attempt(() => readOnce(root, readIgnoreFile(root, dockerfile?.path), operation));
    if (root === undefined || dockerfile === undefined || files === undefined || failures.length > 0) return { failures };
    return { failures, resolved: { root, ...files, dockerfile } };
  }

  /** What was hashed is what is shipped: the bytes of the first look stay. */
  function dockerfileOf(source: ContextSource, root: string): Dockerfile {
    const path = dockerfilePath(source, root);
    const dockerfile = dockerfiles.get(path) ?? readDockerfile(source, path);
    checkDockerfile(dockerfile, source.target);
    dockerfiles.set(path, dockerfile);
    return dockerfile;
  }

  async function readOnce(root: string, ignore: IgnoreFile, operation: Operation): Promise<HashedContext> {
    const key = `${root}\0${ignore.text}`;
    const remembered = read.get(key);
    if (remembered !== undefined) return remembered;
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
    const files = hashContext(root, ignore, cache, { ...operation, signal: controller.signal });
    const shared: SharedRead = {
      files,
      waiting: 0,
      stop() {
        forget();
        controller.abort();
      },
    };
    // Also when it was stopped: whoever comes after that must not join it.
    const forget = (): void => {
      if (underWay.get(key) === shared) underWay.delete(key);
    };
    underWay.set(key, shared);
    files.then((hashed) => {
      if (!controller.signal.aborted) remember(key, hashed);
      forget();
    }, forget);
    return shared;
  }

  return {
    inspect,
    async readFolder(source, operation) {
      const root = findRoot(source);
      return { root, ...(await readOnce(root, readIgnoreFile(root, undefined), operation)) };
    },
    manifest(contextHash) {
      const hashed = read.values().find((one) => one.contextHash === contextHash);
      return hashed && manifestOf(hashed.entries);
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
  const files: ContextFile[] = [];
  const others = await walkContext(root, createIgnoreMatcher(ignore.patterns), (path) => files.push({ kind: "file", path }), operation);
  return sortByPath([...files, ...others]);
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

interface Dockerfile extends DockerfileText {
  readonly path: string;
}

function readDockerfile({ context, dockerfile }: ContextSource, path: string): Dockerfile {
  const shown = dockerfile ?? `${context}/Dockerfile`;
  const bytes = readOptional(path, "dockerfile");
  if (bytes === undefined) throw new CloudBuildError("dockerfile-missing", `"${shown}" does not exist`, { property: "dockerfile" });
  return { path, ...dockerfileText(bytes) };
}

function dockerfilePath({ dockerfile, baseDir }: { dockerfile?: string | undefined; baseDir: string }, root: string): string {
  return dockerfile === undefined ? join(root, "Dockerfile") : resolve(baseDir, dockerfile);
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
