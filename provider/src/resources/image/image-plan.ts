import type { BuildSecret } from "../../build/build-request.ts";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { parsePlatform, type Platform } from "../../image/platform.ts";
import type { Repository } from "../../image/repository.ts";
import { childTag, contentTag } from "../../image/tag.ts";
import { unknown, type PropertyMap } from "../property-value.ts";
import { contentHashes } from "./content-hash.ts";
import { readImageArgs, type Buildspec, type ImageArgs, type ImageDefaults, type LogMode, type OnMissing } from "./image-args.ts";
import { plannedSources, type PlannedSources } from "./image-sources.ts";

/** The checked inputs of one image with nothing unknown left in them: what Create and Update carry out. */
export interface ImagePlan {
  readonly repository: Repository;
  readonly sources: PlannedSources;
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
  readonly contextHashes: Readonly<Record<string, string>>;
  readonly contentHash: string;
  readonly contentTag: string;
  /** What the same content was tagged under earlier schemes of hashing. */
  readonly earlierTags: readonly string[];
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
    sources: known("context", plannedSources(args)),
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
    contextHashes: known("contextHashes", args.contextHashes),
    contentHash,
    contentTag: contentTag(contentHash),
    earlierTags: earlierTags(args),
  };
}

/** The content tags that an image of this content may have from before. Known whenever the content hash is. */
export function earlierTags(args: ImageArgs): readonly string[] {
  const current = typeof args.contentHash === "string" ? contentTag(args.contentHash) : undefined;
  return contentHashes(args)
    .map(contentTag)
    .filter((tag) => tag !== current);
}
