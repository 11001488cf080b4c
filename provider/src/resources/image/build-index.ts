import { CloudBuildError, hasCode } from "../../errors/cloudbuild-error.ts";
import { formatPlatform, type Platform } from "../../image/platform.ts";
import { confirmImage } from "../../registry/confirm-image.ts";
import { imageIndex, type IndexChild } from "../../registry/image-index.ts";
import { refuseArchived } from "../../registry/refuse-archived.ts";
import type { Operation } from "../../support/operation.ts";
import { buildPlatform, type BuildDeps, type BuildPlan, type MadeImage } from "./build-platform.ts";
import type { ImagePlan } from "./image-plan.ts";
import { platformReporters } from "./platform-reporters.ts";

interface Failure {
  readonly platform: Platform;
  readonly error: unknown;
}

/**
 * Makes an image for several platforms, whose index the registry does not have: what it has of the children is reused, the others are built
 * at once, each on its own kind of machine, and the index over them is put. When one fails, the builds this process started for the others
 * are stopped: without it there is no image, and the next try builds them again or adopts what somebody else runs.
 */
export async function buildIndex(plan: ImagePlan, plans: readonly BuildPlan[], deps: BuildDeps, operation: Operation): Promise<MadeImage> {
  const { repository, contentTag } = plan;
  const { registry } = deps.cloud;
  await refuseArchived(repository, { tag: contentTag }, registry, operation.signal);
  const made: MadeImage[] = [];
  const children = await together(plans, operation, async (one, own) => {
    const child = await makeChild(one, deps, own);
    made.push(child);
    return { platform: one.platform, image: child.image };
  });
  const index = imageIndex(children);
  await registry.put(repository, index, contentTag, operation.signal);
  const expected = { repository, digest: index.digest, tags: [contentTag], platforms: plan.platforms };
  const image = await confirmImage(expected, registry, deps.clock, operation);
  return { ...lastBuilt(made), image };
}

async function makeChild(plan: BuildPlan, deps: BuildDeps, operation: Operation): Promise<MadeImage> {
  const { repository, contentTag } = plan;
  const found = await deps.cloud.registry.find(repository, { tag: contentTag }, operation.signal);
  if (found === undefined) return buildPlatform(plan, deps, operation);
  operation.reporter.info(`reused ${repository.url}:${contentTag}`);
  return { image: found, outcome: "reused" };
}

/** What is said of the whole: built if any child was, else adopted if any was. Of the builds, the last to end. */
function lastBuilt(made: readonly MadeImage[]): Pick<MadeImage, "outcome" | "build"> {
  const outcome = (["built", "adopted"] as const).find((one) => made.some((child) => child.outcome === one)) ?? "reused";
  const build = made.findLast((child) => child.build !== undefined)?.build;
  return { outcome, ...(build === undefined ? {} : { build }) };
}

/** Does the work of all platforms at once. The first failure ends the others, and is thrown when they have ended. */
async function together(
  plans: readonly BuildPlan[],
  operation: Operation,
  work: (plan: BuildPlan, own: Operation) => Promise<IndexChild>,
): Promise<IndexChild[]> {
  const failing = new AbortController();
  const signal = AbortSignal.any([operation.signal, failing.signal]);
  const reporterFor = platformReporters(operation.reporter);
  const failures: Failure[] = [];
  const ended = await Promise.all(
    plans.map(async (plan) => {
      const own = { ...operation, signal, reporter: reporterFor(formatPlatform(plan.platform)) };
      try {
        return await work(plan, own);
      } catch (error) {
        failures.push({ platform: plan.platform, error });
        failing.abort(error);
        return undefined;
      } finally {
        own.reporter.status("");
      }
    }),
  );
  if (failures.length > 0) throw failureOf(failures, operation.signal);
  return ended.filter((child) => child !== undefined);
}

/** The first failure, or the cancellation, and with it every build that could not be stopped; those that were stopped are no news. */
function failureOf(failures: readonly Failure[], { aborted, reason }: AbortSignal): unknown {
  const running = failures.filter(({ error }) => hasCode(error, "build-not-stopped"));
  const told = aborted ? running : [...new Set([...failures.slice(0, 1), ...running])];
  const [first, ...others] = told.map(named);
  if (first === undefined) return reason;
  if (others.length === 0 || !(first instanceof CloudBuildError)) return first;
  const text = [first, ...others].map((error) => (error as Error).message).join("\n");
  return new CloudBuildError("build-not-stopped", text, { cause: first });
}

function named({ platform, error }: Failure): unknown {
  if (!(error instanceof CloudBuildError)) return error;
  const { code, message, property, hint } = error;
  const text = `${formatPlatform(platform)}: ${message}`;
  return new CloudBuildError(code, text, { hint, cause: error, ...(property === undefined ? {} : { property }) });
}
