import type { BuildContext, BuildRequest } from "../../build/build-request.ts";
import { gitUrlAt } from "../../context/sources/context-reference.ts";
import type { ContextStore } from "../../context/shipping/context-store.ts";
import type { ResolvedDockerfile, ResolvedSource, ResolvedSources } from "../../context/sources/resolved-source.ts";
import type { ContextHistory } from "../../context/shipping/ship-context.ts";
import { pathOfDockerfile, stageDockerfile, stageFolder } from "../../context/shipping/stage-context.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import type { Operation } from "../../support/operation.ts";
import { mapValues } from "../../support/map-values.ts";
import type { BuildPlan, StageOptions } from "./build-platform.ts";
import type { Cloud, ImageDeps } from "./image-deps.ts";
import type { ImagePlan } from "./image-plan.ts";
import { resolveSources } from "./image-sources.ts";

type BuildSources = Pick<BuildRequest, "context" | "contexts" | "dockerfile">;

/** The cloud ends a build itself a little after we would have given up on it, so an orphan costs a bounded time. */
function buildTimeoutMinutes({ timeoutMs }: Operation): number {
  return Math.ceil(timeoutMs / 60_000) + 2;
}

/** Ships what the bucket lacks of the contexts, and says what is to be built. */
export async function stageImage(
  plan: BuildPlan,
  options: StageOptions,
  cloud: Cloud,
  deps: ImageDeps,
  operation: Operation,
): Promise<BuildRequest> {
  const { project, repository, contentTag, platform, target, buildArgs, labels, secrets } = plan;
  return {
    project,
    repository,
    contentTag,
    platform,
    ...(await stageSources(plan, options, cloud, deps, operation)),
    ...(target === undefined ? {} : { target }),
    buildArgs,
    labels,
    secrets,
    recipe: plan.buildspec,
    reproducible: plan.reproducible,
    timeoutMinutes: buildTimeoutMinutes(operation),
  };
}

async function stageSources(
  plan: ImagePlan,
  { delta }: StageOptions,
  cloud: Cloud,
  deps: ImageDeps,
  operation: Operation,
): Promise<BuildSources> {
  const { sources } = plan;
  if (sources.kind === "own") {
    const { version } = sources;
    return { context: { kind: "own", ...(version === undefined ? {} : { version }) }, contexts: {} };
  }
  const storeOf = (bucket: string): ContextStore => cloud.contextStore(bucket);
  const resolved = await resolveSources(sources, plan, storeOf, deps, operation);
  const store = (): ContextStore => cloud.contextStore(required("contextBucket", plan.contextBucket));
  const history = {
    lineage: JSON.stringify([plan.repository.url, sources.context ?? null, plan.target ?? null]),
    // A project's own buildspec is promised one archive.
    delta: delta && plan.buildspec === "generated",
  };
  const [context, contexts, dockerfile] = await Promise.all([
    stage(resolved.context, store, operation, history),
    mapValues(resolved.contexts, (one) => stage(one, store, operation)),
    stageText(travelling(resolved, plan), store, operation),
  ]);
  return { context, contexts, dockerfile };
}

/** A Dockerfile that is a file of the context travels in it. A project's own buildspec is promised one beside it. */
function travelling({ context, dockerfile }: ResolvedSources, { buildspec }: ImagePlan): ResolvedDockerfile {
  if (buildspec === "project" || context.kind !== "folder" || dockerfile.kind === "inContext") return dockerfile;
  const path = pathOfDockerfile(context, dockerfile);
  return path === undefined ? dockerfile : { kind: "inContext", path };
}

async function stage(
  context: ResolvedSource,
  store: () => ContextStore,
  operation: Operation,
  history?: ContextHistory,
): Promise<BuildContext> {
  switch (context.kind) {
    case "folder":
      return { kind: "archive", ...(await stageFolder(context, store(), operation, history)) };
    case "git":
      return { kind: "git", url: gitUrlAt(context, context.commit) };
    case "object": {
      const { bucket, key, format, versionId } = context;
      return { kind: "object", object: { bucket, key }, format, ...(versionId === undefined ? {} : { versionId }) };
    }
    case "image":
    case "none":
      return context;
  }
}

async function stageText(
  dockerfile: ResolvedDockerfile,
  store: () => ContextStore,
  operation: Operation,
): Promise<NonNullable<BuildRequest["dockerfile"]>> {
  if (dockerfile.kind === "inContext") return dockerfile;
  return { kind: "shipped", object: await stageDockerfile(dockerfile, store(), operation) };
}

export function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new CloudBuildError("input-invalid", `${name} is missing; set it here or in the provider's configuration`, { property: name });
}
