import type { BuildId, StartedBuild, Succeeded } from "../../build/build-backend.ts";
import type { BuildRequest } from "../../build/build-request.ts";
import { followBuild } from "../../build/follow-build.ts";
import { CloudBuildError, hasCode } from "../../errors/cloudbuild-error.ts";
import type { Digest } from "../../image/digest.ts";
import { confirmImage, findPushed } from "../../registry/confirm-image.ts";
import type { FoundImage } from "../../registry/image-registry.ts";
import { refuseArchived } from "../../registry/refuse-archived.ts";
import type { Clock } from "../../support/clock.ts";
import type { Operation } from "../../support/operation.ts";
import type { Cloud } from "./image-deps.ts";
import type { PlatformPlan } from "./image-plan.ts";
import type { SettledImage } from "./image-state.ts";

/** A plan for one platform, and what runs its build. */
export type BuildPlan = PlatformPlan & { readonly project: string };

export interface StageOptions {
  /** Whether what is shipped may build upon an earlier context that is there. */
  readonly delta: boolean;
}

export interface BuildDeps {
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** Stages the context and says what is to be built; asked only when a build has to start. */
  readonly request: (plan: BuildPlan, options: StageOptions) => Promise<BuildRequest>;
}

/** An image the registry has confirmed, and how it came to be there. */
export interface MadeImage extends Pick<SettledImage, "outcome" | "build"> {
  readonly image: FoundImage;
}

/** Makes the image of one platform, of content the registry does not have: adopts a build of it that is running, else starts one. */
export async function buildPlatform(plan: BuildPlan, deps: BuildDeps, operation: Operation): Promise<MadeImage> {
  const { id, adopted, succeeded } = await build(plan, deps, operation);
  const image = await confirmImage(
    {
      repository: plan.repository,
      digest: await digestOf(id, succeeded, plan, deps, operation),
      tags: [plan.contentTag],
      platforms: [plan.platform],
    },
    deps.cloud.registry,
    deps.clock,
    operation,
  );
  const { seconds, logsUrl } = succeeded;
  return { image, outcome: adopted ? "adopted" : "built", build: { id, seconds, ...(logsUrl === undefined ? {} : { logsUrl }) } };
}

/** What a build says it pushed; a recipe that is not ours need not say it, and is then taken at its tag. */
async function digestOf(
  id: BuildId,
  { digest }: Succeeded,
  plan: BuildPlan,
  { cloud: { registry }, clock }: BuildDeps,
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

async function build(plan: BuildPlan, deps: BuildDeps, operation: Operation): Promise<Built> {
  const { cloud, clock } = deps;
  const { project, repository, contentTag } = plan;
  const identity = { project, repository, contentTag };
  const earlier = await cloud.backend.find(identity, operation);
  if (earlier.running !== undefined) operation.reporter.info(`adopted build ${earlier.running}, which builds this content already`);
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
    await refuseArchived(repository, { tag: contentTag }, cloud.registry, operation.signal);
    const first = await ask();
    if (!first.settled) return followOrShipWhole(first.id, false);
    const pushed = await cloud.registry.find(repository, { tag: contentTag }, operation.signal);
    return pushed === undefined ? follow(await startAfter(first.id), false) : follow(first.id, true);
  }

  async function startAfter(settled: BuildId): Promise<BuildId> {
    if (parked) await release();
    previous = settled;
    return (await ask()).id;
  }

  /** Once a build of this content is over, for whatever reason, the next one gets the whole context. */
  async function ask(): Promise<StartedBuild> {
    const request = await deps.request(plan, { delta: previous === undefined });
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
    const succeeded = await followBuild({ id, ours: !adopted, logs: plan.logs }, { ...cloud, clock }, operation);
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
