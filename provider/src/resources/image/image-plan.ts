import type { BuildSecret } from "../../build/build-request.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { parsePlatform, type Platform } from "../../image/platform.ts";
import type { Repository } from "../../image/repository.ts";
import { childTag, contentTag } from "../../image/tag.ts";
import { unknown, type PropertyMap } from "../property-value.ts";
import { readImageArgs, type Buildspec, type LogMode, type OnMissing } from "./image-args.ts";
import type { ImageDefaults } from "./image-args.ts";

/** The checked inputs of one image with nothing unknown left in them: what Create and Update carry out. */
export interface ImagePlan {
  readonly repository: Repository;
  readonly context: string;
  readonly dockerfile: string | undefined;
  readonly target: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, BuildSecret>>;
  /** Sorted; at least one. */
  readonly platforms: readonly Platform[];
  readonly tags: readonly string[];
  readonly project: string | undefined;
  readonly contextBucket: string | undefined;
  readonly buildspec: Buildspec;
  readonly reproducible: boolean;
  readonly onMissing: OnMissing;
  readonly logs: LogMode;
  readonly contextHash: string;
  readonly contentHash: string;
  readonly contentTag: string;
}

/** What one build makes: one platform. Its `contentTag` is what that build pushes. */
export interface PlatformPlan extends ImagePlan {
  readonly platform: Platform;
}

/** One plan for each platform. Where there are several, each has a child tag for its content tag: that of the plan is for the index. */
export function platformPlans(plan: ImagePlan): readonly PlatformPlan[] {
  const { platforms, contentTag: tag } = plan;
  return platforms.map((platform) => ({ ...plan, platform, contentTag: platforms.length === 1 ? tag : childTag(tag, platform) }));
}

/** Parses checked inputs. Only a caller that skipped Check can see it throw. */
export function planImage(inputs: PropertyMap, defaults: ImageDefaults): ImagePlan {
  const { args, reader } = readImageArgs(inputs, defaults);
  const [failure] = reader.failures;
  if (failure !== undefined) throw new CloudBuildError("input-invalid", `${failure.property} ${failure.reason}`, failure);
  const known = <T>(name: string, value: T): Exclude<T, typeof unknown | undefined> => {
    if (value === undefined || value === unknown) {
      throw new CloudBuildError("input-invalid", `${name} is not known`, { property: name });
    }
    return value as Exclude<T, typeof unknown | undefined>;
  };
  const optional = (name: string, value: string | typeof unknown | undefined): string | undefined =>
    value === undefined ? undefined : known(name, value);
  const contentHash = known("contentHash", args.contentHash);
  return {
    repository: known("repositoryUrl", args.repository),
    context: known("context", args.context),
    dockerfile: optional("dockerfile", args.dockerfile),
    target: optional("target", args.target),
    buildArgs: known("buildArgs", args.buildArgs),
    labels: known("labels", args.labels),
    secrets: known("secrets", args.secrets),
    platforms: known("platforms", args.platforms).map(parsePlatform),
    tags: known("tags", args.tags),
    project: optional("project", args.project),
    contextBucket: optional("contextBucket", args.contextBucket),
    buildspec: known("buildspec", args.buildspec),
    reproducible: known("reproducible", args.reproducible),
    onMissing: args.onMissing,
    logs: args.logs,
    contextHash: known("contextHash", args.contextHash),
    contentHash,
    contentTag: contentTag(contentHash),
  };
}
