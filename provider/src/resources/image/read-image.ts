import { CloudBuildError, hasCode } from "../../errors/cloudbuild-error.ts";
import { parseDigest } from "../../image/digest.ts";
import { parseRepository, type Repository } from "../../image/repository.ts";
import { isContentTag, isReservedTag, parseTag } from "../../image/tag.ts";
import type { ImageReference, ImageRegistry } from "../../registry/image-registry.ts";
import { platformDigests } from "../../registry/manifest.ts";
import { refuseArchived } from "../../registry/refuse-archived.ts";
import type { Operation } from "../../support/operation.ts";
import { textAt, unwrap, type PropertyMap } from "../property-value.ts";
import type { ReadRequest, ReadResult } from "../resource.ts";
import type { ImageDeps } from "./image-deps.ts";
import { imageId, stateVersion } from "./image-state.ts";

/** Asks the registry what is true now. Only a definite not-found means gone; everything else rejects, and state stays as it was. */
export async function readImage(request: ReadRequest, deps: ImageDeps, operation: Operation): Promise<ReadResult> {
  const { state, inputs } = request;
  const digest = textAt(state, "digest");
  const url = textAt(state, "repositoryUrl");
  if (state === undefined || digest === undefined || url === undefined) return importImage(request.id, deps, operation);
  const repository = parseRepository(url);
  const { registry } = deps.cloudFor(repository.ecr);
  // By digest and by each tag: for a whole stack this is one call or two.
  const wanted = listOf(inputs ?? state, "tags");
  const byDigest = { digest: parseDigest(digest) };
  const [image, ...tagged] = await Promise.all(
    [byDigest, ...wanted.map((tag) => ({ tag }))].map((reference) =>
      absentWhenNoRepository(registry.locate(repository, reference, operation)),
    ),
  );
  if (image === undefined && (await isGone(repository, byDigest, registry, operation))) return undefined;
  // A tag that was moved away is drift: it leaves the inputs, so that the next update puts it back.
  const there = wanted.filter((_, i) => tagged[i]?.digest === digest);
  const kept = (from: PropertyMap): PropertyMap => ("tags" in from && there.length < wanted.length ? { ...from, tags: there } : from);
  return { id: request.id, state: kept(state), inputs: kept(inputs ?? {}) };
}

/** `pulumi import`: the ID is a reference, `<repository>@sha256:…` or `<repository>:<tag>`. */
async function importImage(id: string, deps: ImageDeps, operation: Operation): Promise<ReadResult> {
  const { url, reference } = splitReference(id);
  const repository = parseRepository(url);
  const { registry } = deps.cloudFor(repository.ecr);
  const found = await absentWhenNoRepository(registry.find(repository, reference, operation.signal));
  if (found === undefined) {
    await isGone(repository, reference, registry, operation);
    return undefined;
  }
  const [described, platforms] = await Promise.all([
    registry.describe(repository, { digest: found.digest }, operation.signal),
    registry.platformsOf(repository, found, operation.signal),
  ]);
  const all = described?.tags ?? [];
  const contentTag = all.filter(isContentTag).sort()[0];
  const tags = all.filter((tag) => !isReservedTag(tag)).sort();
  const inputs: PropertyMap = { repositoryUrl: url, ...(tags.length > 0 ? { tags } : {}) };
  return {
    id: imageId(repository, operation.urn),
    inputs,
    state: {
      ...inputs,
      tags,
      imageUri: `${repository.url}@${found.digest}`,
      digest: found.digest,
      platformDigests: platformDigests(found, platforms),
      outcome: "reused",
      stateVersion,
      ...(contentTag === undefined ? {} : { contentTag }),
    },
  };
}

/** Rejects when it is archived. */
async function isGone(repository: Repository, reference: ImageReference, registry: ImageRegistry, { signal }: Operation): Promise<boolean> {
  return (await absentWhenNoRepository(refuseArchived(repository, reference, registry, signal))) === undefined;
}

async function absentWhenNoRepository<T>(answer: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (hasCode(error, "repository-missing")) return undefined;
    throw error;
  }
}

function splitReference(id: string): { url: string; reference: ImageReference } {
  const at = id.lastIndexOf("@");
  if (at > 0) return { url: id.slice(0, at), reference: { digest: parseDigest(id.slice(at + 1)) } };
  const colon = id.lastIndexOf(":");
  if (colon > id.lastIndexOf("/")) return { url: id.slice(0, colon), reference: { tag: parseTag(id.slice(colon + 1)) } };
  throw new CloudBuildError("input-invalid", `"${id}" names no image; expected <repository>@sha256:<64 hex> or <repository>:<tag>`);
}

function listOf(map: PropertyMap, name: string): string[] {
  const value = unwrap(map[name] ?? null);
  return Array.isArray(value) ? value.flatMap((item) => (typeof item === "string" ? [item] : [])) : [];
}
