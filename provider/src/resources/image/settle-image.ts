import type { BuildRequest } from "../../build/build-request.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { findContent } from "../../registry/find-content.ts";
import { platformDigests } from "../../registry/manifest.ts";
import { refuseArchived } from "../../registry/refuse-archived.ts";
import { retagImage } from "../../registry/retag-image.ts";
import { once } from "../../support/once.ts";
import type { Operation } from "../../support/operation.ts";
import { buildIndex } from "./build-index.ts";
import { buildPlatform, type MadeImage, type StageOptions } from "./build-platform.ts";
import type { Cloud, ImageDeps } from "./image-deps.ts";
import { platformPlans, type ImagePlan, type PlatformPlan } from "./image-plan.ts";
import type { SettledImage } from "./image-state.ts";
import { required, stageImage } from "./stage-image.ts";

/**
 * The conductor of Create and Update: reuse the image if the registry has this content; else adopt a build of it that is running; else
 * build it. Success only after the registry confirmed what is there, and every tag points to it.
 */
export async function settleImage(plan: ImagePlan, deps: ImageDeps, operation: Operation): Promise<SettledImage> {
  const cloud = deps.cloudFor(plan.repository.ecr);
  const { repository, contentTag } = plan;
  const found = await findContent(plan, (tag) => cloud.registry.find(repository, { tag }, operation.signal));
  if (found !== undefined) operation.reporter.info(`reused ${repository.url}:${found.tag}, which has this content already`);
  else if (plan.onMissing === "fail") throw await imageMissing(plan, cloud, operation);
  const made: MadeImage = found === undefined ? await makeImage(plan, cloud, deps, operation) : { image: found.image, outcome: "reused" };
  const { image, outcome, build } = made;
  // What was found under an earlier tag gets the one of today; what was just made has it.
  const tags = found === undefined || found.tag === contentTag ? plan.tags : [contentTag, ...plan.tags];
  await retagImage(repository, image, tags, cloud.registry, operation);
  const digests = platformDigests(image, plan.platforms);
  return { digest: image.digest, platformDigests: digests, outcome, ...(build === undefined ? {} : { build }) };
}

/** One build for each platform. The context is the same for all of them, and is staged when the first one has to start. */
async function makeImage(plan: ImagePlan, cloud: Cloud, deps: ImageDeps, operation: Operation): Promise<MadeImage> {
  const project = required("project", plan.project);
  const plans = platformPlans(plan).map((one) => ({ ...one, project }));
  const [first, ...others] = plans;
  if (first === undefined) throw new TypeError("a plan has a platform");
  const stagedBy = (options: StageOptions) => once(() => stageImage(first, options, cloud, deps, operation));
  const [changed, whole] = [stagedBy({ delta: true }), stagedBy({ delta: false })];
  const request = async ({ platform, contentTag }: PlatformPlan, { delta }: StageOptions): Promise<BuildRequest> => {
    const staged = await (delta ? changed() : whole());
    return { ...staged, platform, contentTag };
  };
  if (others.length > 0) return buildIndex(plan, plans, { request, cloud, clock: deps.clock }, operation);
  return buildPlatform(first, { request, cloud, clock: deps.clock }, operation);
}

async function imageMissing({ repository, contentTag }: ImagePlan, { registry }: Cloud, { signal }: Operation): Promise<CloudBuildError> {
  await refuseArchived(repository, { tag: contentTag }, registry, signal);
  return new CloudBuildError(
    "image-missing",
    `"${repository.url}:${contentTag}" does not exist, and onMissing is "fail": nothing is built here`,
  );
}
