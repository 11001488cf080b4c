import type { BuildRequest } from "../../build/build-request.ts";
import { stageContext } from "../../context/stage-context.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { platformDigests } from "../../registry/manifest.ts";
import { refuseArchived } from "../../registry/refuse-archived.ts";
import { retagImage } from "../../registry/retag-image.ts";
import { once } from "../../support/once.ts";
import type { Operation } from "../../support/operation.ts";
import { buildIndex } from "./build-index.ts";
import { buildPlatform, type BuildPlan, type MadeImage } from "./build-platform.ts";
import type { Cloud, ImageDeps } from "./image-deps.ts";
import { platformPlans, type ImagePlan, type PlatformPlan } from "./image-plan.ts";
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
  const { repository, contentTag } = plan;
  const found = await cloud.registry.find(repository, { tag: contentTag }, operation.signal);
  if (found !== undefined) operation.reporter.info(`reused ${repository.url}:${contentTag}, which has this content already`);
  else if (plan.onMissing === "fail") throw await imageMissing(plan, cloud, operation);
  const made: MadeImage = found === undefined ? await makeImage(plan, cloud, deps, operation) : { image: found, outcome: "reused" };
  const { image, outcome, build } = made;
  await retagImage(repository, image, plan.tags, cloud.registry, operation);
  const digests = platformDigests(image, plan.platforms);
  return { digest: image.digest, platformDigests: digests, outcome, ...(build === undefined ? {} : { build }) };
}

/** One build for each platform. The context is the same for all of them, and is staged when the first one has to start. */
async function makeImage(plan: ImagePlan, cloud: Cloud, deps: ImageDeps, operation: Operation): Promise<MadeImage> {
  const project = required("project", plan.project);
  const plans = platformPlans(plan).map((one) => ({ ...one, project }));
  const [first, ...others] = plans;
  if (first === undefined) throw new TypeError("a plan has a platform");
  const staged = once(() => stage(first, cloud, deps, operation));
  const request = async ({ platform, contentTag }: PlatformPlan): Promise<BuildRequest> => ({ ...(await staged()), platform, contentTag });
  if (others.length > 0) return buildIndex(plan, plans, { request, cloud, clock: deps.clock }, operation);
  return buildPlatform(first, { request, cloud, clock: deps.clock }, operation);
}

/** Ships the context, if the bucket lacks it, and says what is to be built. */
async function stage(plan: BuildPlan, cloud: Cloud, deps: ImageDeps, operation: Operation): Promise<BuildRequest> {
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
  const staged = await stageContext(resolved, cloud.contextStore(bucket), operation);
  return {
    project: plan.project,
    repository: plan.repository,
    contentTag: plan.contentTag,
    platform: plan.platform,
    context: { bucket, key: staged.contextKey },
    dockerfile: { bucket, key: staged.dockerfileKey },
    ...(target === undefined ? {} : { target }),
    buildArgs: plan.buildArgs,
    labels: plan.labels,
    secrets: plan.secrets,
    recipe: plan.buildspec,
    reproducible: plan.reproducible,
    timeoutMinutes: buildTimeoutMinutes(operation),
  };
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new CloudBuildError("input-invalid", `${name} is missing; set it here or in the provider's configuration`, { property: name });
}

async function imageMissing({ repository, contentTag }: ImagePlan, { registry }: Cloud, { signal }: Operation): Promise<CloudBuildError> {
  await refuseArchived(repository, { tag: contentTag }, registry, signal);
  return new CloudBuildError(
    "image-missing",
    `"${repository.url}:${contentTag}" does not exist, and onMissing is "fail": nothing is built here`,
  );
}
