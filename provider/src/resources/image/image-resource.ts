import { hasCode } from "../../errors/cloudbuild-error.ts";
import { parseDigest } from "../../image/digest.ts";
import { contentTag } from "../../image/tag.ts";
import { reportChanges } from "./report-changes.ts";
import { retagImage } from "../../registry/retag-image.ts";
import type { Operation } from "../../support/operation.ts";
import { textAt, type PropertyMap } from "../property-value.ts";
import { PartialStateError, type CreateRequest, type CreateResult, type Resource, type UpdateRequest } from "../resource.ts";
import { checkImage } from "./check-image.ts";
import { deleteImage } from "./delete-image.ts";
import { diffImage } from "./diff-image.ts";
import { readImageArgs } from "./image-args.ts";
import type { ImageDeps } from "./image-deps.ts";
import { earlierTags, planImage, type ImagePlan } from "./image-plan.ts";
import { imageId, imageState, requireKnownState, stateVersion } from "./image-state.ts";
import { previewImage } from "./preview-image.ts";
import { readImage } from "./read-image.ts";
import { settleImage } from "./settle-image.ts";

export const imageType = "cloudbuild:index:CloudBuildImage";

/** `cloudbuild:index:CloudBuildImage`: an image that is in the registry, built there if it has to be. */
export function createImageResource(deps: ImageDeps): Resource {
  // The engine deletes at the end of a run, when it has checked every image that the program declares.
  const declared = new Set<string>();
  return {
    defaultTimeoutMs: 60 * 60_000,
    async check(request, operation) {
      const checked = await checkImage(request, deps, operation);
      for (const reference of referencesOf(checked.inputs, deps)) declared.add(reference);
      return checked;
    },
    diff(request) {
      requireKnownState(request.state);
      return diffImage(request, deps.defaults);
    },
    create: (request, operation) => createImage(request, deps, operation),
    async update(request, operation) {
      requireKnownState(request.state);
      return updateImage(request, deps, operation);
    },
    async read(request, operation) {
      requireKnownState(request.state ?? {});
      return readImage(request, deps, operation);
    },
    async delete(request, operation) {
      requireKnownState(request.state);
      return deleteImage(request, declared, deps, operation);
    },
  };
}

/** `<repository>:<tag>` for each tag that an image of these inputs has. */
function referencesOf(inputs: PropertyMap, { defaults }: ImageDeps): readonly string[] {
  const { args } = readImageArgs(inputs, defaults);
  const { repository, tags, contentHash } = args;
  if (typeof repository !== "object") return [];
  const contentTags = typeof contentHash === "string" ? [contentTag(contentHash), ...earlierTags(args)] : [];
  const all = [...(typeof tags === "symbol" ? [] : tags), ...contentTags];
  return all.map((tag) => `${repository.url}:${tag}`);
}

async function createImage({ inputs, preview }: CreateRequest, deps: ImageDeps, operation: Operation): Promise<CreateResult> {
  if (preview) return { id: "", state: await previewImage(inputs, deps, operation) };
  const plan = planImage(inputs, deps.defaults);
  const id = imageId(plan.repository, operation.urn);
  try {
    return { id, state: imageState(inputs, plan, await settleImage(plan, deps, operation)) };
  } catch (error) {
    // Something may still run for us: only then the engine has to remember a resource that is not there yet.
    if (hasCode(error, "build-not-stopped")) throw new PartialStateError(id, inputs, error);
    throw error;
  }
}

async function updateImage(request: UpdateRequest, deps: ImageDeps, operation: Operation): Promise<PropertyMap> {
  const { newInputs, state, preview } = request;
  const diff = diffImage({ ...request, ignoreChanges: [] }, deps.defaults);
  // A repository that is not known yet may turn out to be another one.
  const sameImage = state["digest"] !== undefined && !diff.has("contentHash") && !diff.has("repositoryUrl");
  if (preview) {
    if (sameImage) return retaggedState(newInputs, state);
    await reportChanges(state, newInputs, deps, operation);
    return previewImage(newInputs, deps, operation);
  }
  const plan = planImage(newInputs, deps.defaults);
  if (sameImage && (await retagged(plan, state, deps, operation))) return retaggedState(newInputs, state);
  return imageState(newInputs, plan, await settleImage(plan, deps, operation));
}

/** Only tags or settings changed: the image stays, its tags follow. False when the image is gone, so that it has to be made again. */
async function retagged(plan: ImagePlan, state: PropertyMap, deps: ImageDeps, operation: Operation): Promise<boolean> {
  const digest = textAt(state, "digest");
  if (digest === undefined) return false;
  const { registry } = deps.cloudFor(plan.repository.ecr);
  const image = await registry.find(plan.repository, { digest: parseDigest(digest) }, operation.signal);
  if (image === undefined) return false;
  await retagImage(plan.repository, image, plan.tags, registry, operation);
  return true;
}

/** The outputs after an update without a build: known in the preview already, except for tags that are not known themselves. */
function retaggedState(inputs: PropertyMap, state: PropertyMap): PropertyMap {
  const settled = ["imageUri", "digest", "platformDigests", "contentTag", "buildId", "logsUrl", "duration"];
  const kept = settled.flatMap((name) => (state[name] === undefined ? [] : [[name, state[name]] as const]));
  return { ...inputs, ...Object.fromEntries(kept), tags: inputs["tags"] ?? [], outcome: "retagged", stateVersion };
}
