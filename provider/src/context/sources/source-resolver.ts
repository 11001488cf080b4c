import { posix } from "node:path";
import { assertNever } from "../../errors/assert-never.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { abortable } from "../../support/abortable.ts";
import type { Operation } from "../../support/operation.ts";
import { pathSegment } from "../../support/property-path.ts";
import type { ContextReader } from "../files/context-reader.ts";
import { parseContextReference, type ContextReference, type GitReference, type ObjectReference } from "./context-reference.ts";
import type { ContextStore } from "../shipping/context-store.ts";
import { checkDockerfile, dockerfileText } from "../files/dockerfile-text.ts";
import type { GitRemote } from "./git-remote.ts";
import type { ResolvedDockerfile, ResolvedSource, ResolvedSources } from "./resolved-source.ts";

/** What a build reads, as a program names it. */
export interface SourceNames {
  /** A folder relative to `baseDir`, a git URL or an S3 object. Absent: no context. */
  readonly context?: string;
  /** Named contexts, by name: folders, git URLs or `docker-image://…`. */
  readonly contexts?: Readonly<Record<string, string>>;
  /** Beside a folder, relative to `baseDir`; beside anything else, a path in it. Default: `Dockerfile` in the context. */
  readonly dockerfile?: string;
  /** The text of the Dockerfile, in place of a path. */
  readonly dockerfileInline?: string;
  readonly target?: string;
  readonly baseDir: string;
}

export interface InspectedSources {
  /** Everything that is wrong, each error with its property. */
  readonly failures: readonly CloudBuildError[];
  readonly resolved?: ResolvedSources;
}

/** Where an S3 bucket is looked into. */
export type StoreOf = (bucket: string) => ContextStore;

/** Turns names into contexts that do not move: files into hashes, branches into commits, objects into what S3 says of their bytes. */
export interface SourceResolver {
  inspect(names: SourceNames, storeOf: StoreOf, operation: Operation): Promise<InspectedSources>;
  /** Like `inspect`; rejects with the first failure. */
  resolve(names: SourceNames, storeOf: StoreOf, operation: Operation): Promise<ResolvedSources>;
}

// What buildx takes as the name of a context; the two it uses itself are not to be had.
const contextName = /^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}$/;
const reservedNames: readonly string[] = ["context", "dockerfile"];
// Each that is a folder travels as a secondary source of the build, of which there may be twelve, and the Dockerfile and deltas are some too.
const maxNamedContexts = 8;

export function createSourceResolver({ reader, git }: { reader: ContextReader; git: GitRemote }): SourceResolver {
  const commits = new Map<string, Promise<string>>();

  async function inspect(names: SourceNames, storeOf: StoreOf, operation: Operation): Promise<InspectedSources> {
    const failures: CloudBuildError[] = [];
    const attempt = async <T>(work: () => Promise<T>, property?: string): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof CloudBuildError) || operation.signal.aborted) throw error;
        failures.push(property === undefined ? error : atProperty(property, error));
        return undefined;
      }
    };
    const [main, inline, ...named] = await Promise.all([
      attempt(() => resolveMain(names, failures, storeOf, operation)),
      attempt(async () => inlineDockerfile(names), "dockerfileInline"),
      ...Object.entries(names.contexts ?? {}).map(async ([name, text], i) => {
        const context = await attempt(() => resolveNamed(name, text, i, names.baseDir, operation), `contexts${pathSegment(name)}`);
        return context && ([name, context] as const);
      }),
    ]);
    const dockerfile = inline ?? main?.dockerfile;
    if (main === undefined || dockerfile === undefined || failures.length > 0) return { failures };
    return {
      failures,
      resolved: { context: main.context, contexts: Object.fromEntries(named.filter((one) => one !== undefined)), dockerfile },
    };
  }

  /** The context, and its Dockerfile unless that is given by its text. */
  async function resolveMain(
    names: SourceNames,
    failures: CloudBuildError[],
    storeOf: StoreOf,
    operation: Operation,
  ): Promise<{ context: ResolvedSource; dockerfile?: ResolvedDockerfile } | undefined> {
    const { context, dockerfile, dockerfileInline, baseDir } = names;
    if (context === undefined) return { context: { kind: "none" } };
    const reference = parseContextReference(context);
    switch (reference.kind) {
      case "folder": {
        if (dockerfileInline !== undefined)
          return { context: { kind: "folder", ...(await reader.readFolder({ context, baseDir }, operation)) } };
        const inspected = await reader.inspect({ ...names, context }, operation);
        failures.push(...inspected.failures);
        if (inspected.resolved === undefined) return undefined;
        const { dockerfile: text, ...folder } = inspected.resolved;
        return { context: { kind: "folder", ...folder }, dockerfile: { kind: "text", ...text } };
      }
      case "git":
        return { context: await resolveGit(reference, operation), dockerfile: { kind: "inContext", path: pathInContext(dockerfile) } };
      case "object":
        return {
          context: await resolveObject(reference, storeOf(reference.bucket), operation),
          dockerfile: { kind: "inContext", path: pathInContext(dockerfile) },
        };
      case "image":
        throw new CloudBuildError("input-invalid", `"${context}" is an image; only a named context may be one`, { property: "context" });
      default:
        return assertNever(reference);
    }
  }

  async function resolveNamed(name: string, text: string, place: number, baseDir: string, operation: Operation): Promise<ResolvedSource> {
    if (!contextName.test(name) || reservedNames.includes(name)) {
      throw new CloudBuildError("input-invalid", `"${name}" cannot be the name of a context; use letters, digits, and - _ . / : @`);
    }
    if (place >= maxNamedContexts)
      throw new CloudBuildError("input-invalid", `"${name}" is one too many; there may be ${maxNamedContexts}`);
    const reference: ContextReference = parseContextReference(text);
    switch (reference.kind) {
      case "folder":
        return { kind: "folder", ...(await reader.readFolder({ context: text, baseDir }, operation)) };
      case "git":
        return resolveGit(reference, operation);
      case "image":
        return reference;
      case "object":
        throw new CloudBuildError("input-invalid", `"${text}" cannot be a named context; use a folder, a git URL or docker-image://…`);
      default:
        return assertNever(reference);
    }
  }

  /** A branch is asked for once in each preview and update; where it goes meanwhile counts from the next one on. */
  async function resolveGit(reference: GitReference, { signal }: Operation): Promise<ResolvedSource> {
    const { url, ref, subfolder } = reference;
    const key = `${url}#${ref ?? ""}`;
    const asked = commits.get(key) ?? git.commitOf(reference, signal);
    commits.set(key, asked);
    asked.catch(() => commits.delete(key));
    return { kind: "git", url, commit: await abortable(asked, signal), ...(subfolder === undefined ? {} : { subfolder }) };
  }

  return {
    inspect,
    async resolve(names, storeOf, operation) {
      const { failures, resolved } = await inspect(names, storeOf, operation);
      if (resolved !== undefined) return resolved;
      throw failures[0] ?? new CloudBuildError("internal", `"${names.context}" could be neither read nor refused`);
    },
  };
}

function inlineDockerfile({ dockerfileInline, target }: SourceNames): ResolvedDockerfile | undefined {
  if (dockerfileInline === undefined) return undefined;
  const text = dockerfileText(Buffer.from(dockerfileInline, "utf8"));
  checkDockerfile(text, target);
  return { kind: "text", ...text };
}

async function resolveObject(reference: ObjectReference, store: ContextStore, { signal }: Operation): Promise<ResolvedSource> {
  const found = await store.stat(reference.key, signal);
  if (found !== undefined) return { ...reference, ...found };
  throw new CloudBuildError("context-unreadable", `"s3://${reference.bucket}/${reference.key}" does not exist, or may not be read`, {
    property: "context",
    hint: "check the key, and that the credentials that run Pulumi may s3:GetObject it",
  });
}

function pathInContext(dockerfile = "Dockerfile"): string {
  const path = posix.normalize(dockerfile);
  if (!posix.isAbsolute(path) && path !== "." && !/^\.\.(?:\/|$)/.test(path)) return path;
  throw new CloudBuildError("input-invalid", `"${dockerfile}" does not lie in the context, which is not a folder here`, {
    property: "dockerfile",
    hint: "name a path in the context, or pass the text as `dockerfileInline`",
  });
}

/** An error of a context or a Dockerfile, where the program wrote it. An unknown target is the target's error all the same. */
function atProperty(property: string, error: CloudBuildError): CloudBuildError {
  if (error.property === "target") return error;
  const { code, message, hint, cause } = error;
  return new CloudBuildError(code, message, { property, hint, cause });
}
