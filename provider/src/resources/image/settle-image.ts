import type { BuildId, StartedBuild, Succeeded } from "../../build/build-backend.ts";
import type { BuildRequest } from "../../build/build-request.ts";
import { followBuild } from "../../build/follow-build.ts";
import { stageContext } from "../../context/stage-context.ts";
import { CloudBuildError, hasCode } from "../../errors/cloudbuild-error.ts";
import type { Digest } from "../../image/digest.ts";
import { confirmImage, findPushed } from "../../registry/confirm-image.ts";
import { retagImage } from "../../registry/retag-image.ts";
import type { Operation } from "../../support/operation.ts";
import type { Cloud, ImageDeps } from "./image-deps.ts";
import type { ImagePlan } from "./image-plan.ts";
import type { SettledImage } from "./image-state.ts";

/** The cloud ends a build itself a little after we would have given up on it, so an orphan costs a bounded time. */
function buildTimeoutMinutes({ timeoutMs }: Operation): number {
  return Math.ceil(timeoutMs / 60_000) + 2;
}

/**
 * The conductor of Create and Update: reuse the image if the registry has this content; else adopt a build of it that is running; else
 * build it. Success only after the registry confirmed what is there, and every tag points to it.
 */
export async function settleImage(plan: ImagePlan, deps: ImageDeps, operation: Operation): Promise<SettledImage> {
  const cloud = deps.cloudFor(plan.repository.ecr);
  const found = await cloud.registry.find(plan.repository, { tag: plan.contentTag }, operation.signal);
  if (found !== undefined) {
    operation.reporter.info(`reused ${plan.repository.url}:${plan.contentTag}, which has this content already`);
    await retagImage(plan.repository, found, plan.tags, cloud.registry, operation);
    return { digest: found.digest, outcome: "reused" };
  }
  if (plan.onMissing === "fail") throw imageMissing(plan);
  const { id, adopted, succeeded } = await build(plan, cloud, deps, operation);
  const image = await confirmImage(
    {
      repository: plan.repository,
      digest: await digestOf(id, succeeded, plan, cloud, deps, operation),
      tags: [plan.contentTag],
      platforms: [plan.platform],
    },
    cloud.registry,
    deps.clock,
    operation,
  );
  await retagImage(plan.repository, image, plan.tags, cloud.registry, operation);
  const { seconds, logsUrl } = succeeded;
  return {
    digest: image.digest,
    outcome: adopted ? "adopted" : "built",
    build: { id, seconds, ...(logsUrl === undefined ? {} : { logsUrl }) },
  };
}

/** What a build says it pushed; a recipe that is not ours need not say it, and is then taken at its tag. */
async function digestOf(
  id: BuildId,
  { digest }: Succeeded,
  plan: ImagePlan,
  { registry }: Cloud,
  { clock }: ImageDeps,
  operation: Operation,
): Promise<Digest> {
  if (digest !== undefined) return digest;
  const { repository, contentTag } = plan;
  const pushed = plan.buildspec === "project" ? await findPushed(repository, { tag: contentTag }, registry, clock, operation) : undefined;
  if (pushed !== undefined) return pushed.digest;
  const missing = plan.buildspec === "project" ? ` and pushed nothing as "${contentTag}"` : "";
  throw new CloudBuildError("image-unconfirmed", `build "${id}" succeeded, but did not say which digest it pushed${missing}`);
}

interface Built {
  readonly id: BuildId;
  readonly adopted: boolean;
  readonly succeeded: Succeeded;
}

async function build(plan: ImagePlan, cloud: Cloud, deps: ImageDeps, operation: Operation): Promise<Built> {
  const project = required("project", plan.project);
  const identity = { project, repository: plan.repository, contentTag: plan.contentTag };
  const earlier = await cloud.backend.find(identity, operation);
  const adopted = earlier.running !== undefined;
  if (adopted) operation.reporter.info(`adopted build ${earlier.running}, which builds this content already`);
  const parked = Object.values(plan.secrets).some(({ store }) => store === "value");
  let previous = earlier.settled;
  try {
    const built = await (earlier.running === undefined ? start() : followOrShipWhole(earlier.running, true));
    operation.reporter.info(`${built.adopted ? "adopted" : "built"} in ${built.succeeded.seconds} s by ${built.id}`);
    return built;
  } finally {
    if (parked) await release();
  }

  /**
   * An equal request within the token's life answers the build it started before. If that one is over already, it may have pushed its image
   * while this context was on its way. Otherwise (it failed, or its image is gone again) it is not the build that was asked for: ask once
   * more, in spite of it.
   */
  async function start(): Promise<Built> {
    const first = await ask();
    if (!first.settled) return followOrShipWhole(first.id, false);
    const pushed = await cloud.registry.find(plan.repository, { tag: plan.contentTag }, operation.signal);
    return pushed === undefined ? follow(await startAfter(first.id), false) : follow(first.id, true);
  }

  async function startAfter(settled: BuildId): Promise<BuildId> {
    if (parked) await release();
    previous = settled;
    return (await ask()).id;
  }

  /** Once a build of this content is over, for whatever reason, the next one gets the whole context. */
  async function ask(): Promise<StartedBuild> {
    const request = await stage({ ...plan, project }, { delta: previous === undefined }, cloud, deps, operation);
    return cloud.backend.start(request, previous, operation);
  }

  async function followOrShipWhole(id: BuildId, adopted: boolean): Promise<Built> {
    try {
      return await follow(id, adopted);
    } catch (error) {
      if (!hasCode(error, "context-unassembled")) throw error;
      operation.reporter.info(
        `build ${id} could not put its context together from what is in the bucket: building once more, from the whole`,
      );
      return follow(await startAfter(id), false);
    }
  }

  async function follow(id: BuildId, adopted: boolean): Promise<Built> {
    const succeeded = await followBuild({ id, ours: !adopted, logs: plan.logs }, { ...cloud, clock: deps.clock }, operation);
    return { id, adopted, succeeded };
  }

  /** Also after a cancellation or a failure. What stays behind in spite of it is swept by a later build. */
  async function release(): Promise<void> {
    try {
      await cloud.backend.release(identity, previous, AbortSignal.timeout(releaseTimeoutMs));
    } catch (error) {
      operation.reporter.warn(`the secrets that were parked for the build could not be taken away: ${(error as Error).message}`);
    }
  }
}

const releaseTimeoutMs = 10_000;

/** Ships the context, or what it differs by from an earlier one, if the bucket lacks it, and says what is to be built. */
async function stage(
  plan: ImagePlan & { readonly project: string },
  { delta }: { readonly delta: boolean },
  cloud: Cloud,
  deps: ImageDeps,
  operation: Operation,
): Promise<BuildRequest> {
  const bucket = required("contextBucket", plan.contextBucket);
  const { context, dockerfile, target } = plan;
  const source = {
    context,
    baseDir: deps.baseDir,
    ...(dockerfile === undefined ? {} : { dockerfile }),
    ...(target === undefined ? {} : { target }),
  };
  const resolved = await deps.contexts.resolve(source, operation);
  if (resolved.contextHash !== plan.contextHash) {
    throw new CloudBuildError("context-changed", `the files of "${context}" are no longer those that were checked`, {
      property: "context",
    });
  }
  const history = {
    lineage: JSON.stringify([plan.repository.url, context, target ?? null]),
    // A project's own buildspec is promised one archive.
    delta: delta && plan.buildspec === "generated",
  };
  const staged = await stageContext(resolved, cloud.contextStore(bucket), operation, history);
  return {
    project: plan.project,
    repository: plan.repository,
    contentTag: plan.contentTag,
    platform: plan.platform,
    context: { bucket, key: staged.contextKey, ...(staged.assembly === undefined ? {} : { assembly: staged.assembly }) },
    dockerfile: { bucket, key: staged.dockerfileKey },
    ...(target === undefined ? {} : { target }),
    buildArgs: plan.buildArgs,
    labels: plan.labels,
    secrets: plan.secrets,
    recipe: plan.buildspec,
    timeoutMinutes: buildTimeoutMinutes(operation),
  };
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new CloudBuildError("input-invalid", `${name} is missing; set it here or in the provider's configuration`, { property: name });
}

function imageMissing({ repository, contentTag }: ImagePlan): CloudBuildError {
  return new CloudBuildError(
    "image-missing",
    `"${repository.url}:${contentTag}" does not exist, and onMissing is "fail": nothing is built here`,
  );
}
