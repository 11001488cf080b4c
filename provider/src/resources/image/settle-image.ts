import type { BuildId, Succeeded } from "../../build/build-backend.ts";
import type { BuildRequest } from "../../build/build-request.ts";
import { followBuild } from "../../build/follow-build.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import type { Digest } from "../../image/digest.ts";
import { findContent } from "../../registry/find-content.ts";
import { confirmImage, findPushed } from "../../registry/confirm-image.ts";
import { retagImage } from "../../registry/retag-image.ts";
import type { Operation } from "../../support/operation.ts";
import type { Cloud, ImageDeps } from "./image-deps.ts";
import type { ImagePlan } from "./image-plan.ts";
import type { SettledImage } from "./image-state.ts";
import { required, stageImage } from "./stage-image.ts";

/**
 * The conductor of Create and Update: reuse the image if the registry has this content; else adopt a build of it that is running; else
 * build it. Success only after the registry confirmed what is there, and every tag points to it.
 */
export async function settleImage(plan: ImagePlan, deps: ImageDeps, operation: Operation): Promise<SettledImage> {
  const cloud = deps.cloudFor(plan.repository.ecr);
  const found = await findContent(plan.repository, plan, cloud.registry, operation);
  if (found !== undefined) {
    operation.reporter.info(`reused ${plan.repository.url}:${found.tag}, which has this content already`);
    const tags = found.tag === plan.contentTag ? plan.tags : [plan.contentTag, ...plan.tags];
    await retagImage(plan.repository, found.image, tags, cloud.registry, operation);
    return { digest: found.image.digest, outcome: "reused" };
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
    const id = earlier.running ?? (await start(await stageImage({ ...plan, project }, cloud, deps, operation)));
    const succeeded = await followBuild({ id, ours: !adopted, logs: plan.logs }, { ...cloud, clock: deps.clock }, operation);
    operation.reporter.info(`${adopted ? "adopted" : "built"} in ${succeeded.seconds} s by ${id}`);
    return { id, adopted, succeeded };
  } finally {
    if (parked) await release();
  }

  /**
   * An equal request within the token's life answers the build it started before. If that one is over already (it failed, or its image
   * is gone again), it is not the build that was asked for: ask once more, in spite of it.
   */
  async function start(request: BuildRequest): Promise<BuildId> {
    const first = await cloud.backend.start(request, previous, operation);
    if (!first.settled) return first.id;
    if (parked) await release();
    previous = first.id;
    return (await cloud.backend.start(request, previous, operation)).id;
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

function imageMissing({ repository, contentTag }: ImagePlan): CloudBuildError {
  return new CloudBuildError(
    "image-missing",
    `"${repository.url}:${contentTag}" does not exist, and onMissing is "fail": nothing is built here`,
  );
}
