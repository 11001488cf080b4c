import { parseContextReference } from "../../context/sources/context-reference.ts";
import { hashOfDockerfile, hashOfOwnSource, hashOfSource, type ResolvedSources } from "../../context/sources/resolved-source.ts";
import type { SourceNames, StoreOf } from "../../context/sources/source-resolver.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import type { Operation } from "../../support/operation.ts";
import type { InputReader, Maybe } from "../input-reader.ts";
import { unknown } from "../property-value.ts";
import type { ImageArgs } from "./image-args.ts";
import type { ImageDeps } from "./image-deps.ts";

/** What is built, as the program names it: build contexts and a Dockerfile, or the source that the project brings itself. */
export type PlannedSources =
  ({ readonly kind: "contexts" } & Omit<SourceNames, "baseDir">) | { readonly kind: "own"; readonly version?: string };

/** Unknown while any part is. */
export function plannedSources(args: ImageArgs): Maybe<PlannedSources> {
  const { context, contexts, dockerfile, dockerfileInline, target, buildspec, sourceVersion } = args;
  if (isOwn(args)) {
    if (sourceVersion === unknown) return unknown;
    return { kind: "own", ...(sourceVersion === undefined ? {} : { version: sourceVersion }) };
  }
  if ([context, contexts, dockerfile, dockerfileInline, target, buildspec].includes(unknown)) return unknown;
  return { kind: "contexts", ...sourceNames(args) };
}

function isOwn({ context, dockerfileInline, buildspec }: ImageArgs): boolean {
  return buildspec === "project" && context === undefined && dockerfileInline === undefined;
}

/** What is known of the contexts; what is not is left out. */
function sourceNames({ context, contexts, dockerfile, dockerfileInline, target }: ImageArgs): Omit<SourceNames, "baseDir"> {
  return {
    ...(typeof context === "string" ? { context } : {}),
    ...(contexts === unknown ? {} : { contexts }),
    ...(typeof dockerfile === "string" ? { dockerfile } : {}),
    ...(typeof dockerfileInline === "string" ? { dockerfileInline } : {}),
    ...(typeof target === "string" ? { target } : {}),
  };
}

type SourceHashes = Pick<ImageArgs, "contextHash" | "contextHashes" | "dockerfileHash">;

const nothingKnown: SourceHashes = { contextHash: unknown, contextHashes: unknown, dockerfileHash: unknown };

/** Reads what is there to be read, and hashes it. What is wrong with it becomes failures of the reader. */
export async function hashSources(args: ImageArgs, reader: InputReader, deps: ImageDeps, operation: Operation): Promise<SourceHashes> {
  const { context, dockerfile, dockerfileInline, contexts, project, sourceVersion } = args;
  if (isOwn(args)) {
    const known = typeof project === "string" && sourceVersion !== unknown;
    return { contextHash: known ? hashOfOwnSource(project, sourceVersion) : unknown, contextHashes: {}, dockerfileHash: undefined };
  }
  if (context === unknown || dockerfile === unknown || dockerfileInline === unknown) return nothingKnown;
  if (context === undefined && dockerfileInline === undefined) return nothingKnown;
  const storeOf = storesFor(args, deps);
  if (storeOf === unknown) return nothingKnown;
  const { failures, resolved } = await deps.sources.inspect({ ...sourceNames(args), baseDir: deps.baseDir }, storeOf, operation);
  for (const error of failures) reader.fail(error.property ?? "context", `${error.message}; ${error.hint}`);
  if (resolved === undefined) return nothingKnown;
  return {
    contextHash: hashOfSource(resolved.context),
    contextHashes: contexts === unknown ? unknown : hashesOf(resolved),
    dockerfileHash: hashOfDockerfile(resolved.dockerfile),
  };
}

function hashesOf({ contexts }: ResolvedSources): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(contexts).map(([name, context]) => [name, hashOfSource(context)]));
}

/** Where objects are looked into: in the region of the repository. Unknown if one has to be, and the repository is not known yet. */
function storesFor({ context, repository }: ImageArgs, deps: ImageDeps): Maybe<StoreOf> {
  const isObject = typeof context === "string" && context.startsWith("s3://");
  if (isObject && (repository === unknown || repository === undefined)) return unknown;
  return (bucket) => {
    if (typeof repository !== "object")
      throw new CloudBuildError("internal", `bucket "${bucket}" is looked into before its region is known`);
    return deps.cloudFor(repository.ecr).contextStore(bucket);
  };
}

/** Whether anything has to be shipped. A commit or an object with its own Dockerfile is fetched from where it is. */
export function needsBucket(args: ImageArgs): boolean {
  const { context, contexts, dockerfileInline } = args;
  if (isOwn(args)) return false;
  const isFolder = (text: string): boolean => {
    try {
      return parseContextReference(text).kind === "folder";
    } catch {
      return false; // It has a failure of its own.
    }
  };
  const named = contexts === unknown ? [] : Object.values(contexts);
  return dockerfileInline !== undefined || typeof context !== "string" || [context, ...named].some(isFolder);
}

/** The same sources again, to be built: what was checked is not read twice. Rejects with "context-changed" if they are others by now. */
export async function resolveSources(
  sources: PlannedSources & { readonly kind: "contexts" },
  checked: { readonly contextHash: string; readonly contextHashes: Readonly<Record<string, string>> },
  storeOf: StoreOf,
  deps: ImageDeps,
  operation: Operation,
): Promise<ResolvedSources> {
  const resolved = await deps.sources.resolve({ ...sources, baseDir: deps.baseDir }, storeOf, operation);
  const now = hashesOf(resolved);
  const moved = [
    ...(hashOfSource(resolved.context) === checked.contextHash ? [] : ["context"]),
    ...Object.keys(checked.contextHashes).filter((name) => now[name] !== checked.contextHashes[name]),
  ];
  const [property] = moved;
  if (property === undefined) return resolved;
  throw new CloudBuildError("context-changed", `the files of "${property}" are no longer those that were checked`, { property });
}
