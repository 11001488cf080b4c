import { hasCode } from "../../errors/cloudbuild-error.ts";
import { parseDigest } from "../../image/digest.ts";
import { reportChanges } from "./report-changes.ts";
import { retagImage } from "../../registry/retag-image.ts";
import type { Operation } from "../../support/operation.ts";
import { textAt, type PropertyMap } from "../property-value.ts";
import { PartialStateError, type CreateRequest, type CreateResult, type Resource, type UpdateRequest } from "../resource.ts";
import { checkImage } from "./check-image.ts";
import { deleteImage } from "./delete-image.ts";
import { diffImage } from "./diff-image.ts";
import type { ImageDeps } from "./image-deps.ts";
import { planImage, type ImagePlan } from "./image-plan.ts";
import { imageId, imageState } from "./image-state.ts";
import { previewImage } from "./preview-image.ts";
import { readImage } from "./read-image.ts";
import { settleImage } from "./settle-image.ts";

export const imageType = "cloudbuild:index:CloudBuildImage";

/** `cloudbuild:index:CloudBuildImage`: an image that is in the registry, built there if it has to be. */
export function createImageResource(deps: ImageDeps): Resource {
  return {
    defaultTimeoutMs: 60 * 60_000,
    check: (request, operation) => checkImage(request, deps, operation),
    diff: diffImage,
    create: (request, operation) => createImage(request, deps, operation),
    update: (request, operation) => updateImage(request, deps, operation),
    read: (request, operation) => readImage(request, deps, operation),
    delete: (request, operation) => deleteImage(request, deps, operation),
  };
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
  const sameContent = state["digest"] !== undefined && diffImage({ ...request, ignoreChanges: [] }).get("contentHash") === undefined;
  if (preview) {
    if (sameContent) return retaggedState(newInputs, state);
    await reportChanges(state, newInputs, deps, operation);
    return previewImage(newInputs, deps, operation);
  }
  const plan = planImage(newInputs, deps.defaults);
  if (sameContent && (await retagged(plan, state, deps, operation))) return retaggedState(newInputs, state);
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
  return { ...inputs, ...Object.fromEntries(kept), tags: inputs["tags"] ?? [], outcome: "retagged" };
}
