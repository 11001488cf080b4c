import { CloudBuildError, hasCode } from "../../errors/cloudbuild-error.ts";
import { parseDigest, type Digest } from "../../image/digest.ts";
import { parseRepository, type Repository } from "../../image/repository.ts";
import { parseTag } from "../../image/tag.ts";
import type { ImageRegistry } from "../../registry/image-registry.ts";
import type { Operation } from "../../support/operation.ts";
import { textAt, unwrap, type PropertyMap } from "../property-value.ts";
import type { ReadRequest, ReadResult } from "../resource.ts";
import type { ImageDeps } from "./image-deps.ts";
import { imageId } from "./image-state.ts";

/** Asks the registry what is true now. Only a definite not-found means gone; everything else rejects, and state stays as it was. */
export async function readImage(request: ReadRequest, deps: ImageDeps, operation: Operation): Promise<ReadResult> {
  const { state, inputs } = request;
  const digest = textAt(state, "digest");
  const url = textAt(state, "repositoryUrl");
  if (state === undefined || digest === undefined || url === undefined) return importImage(request.id, deps, operation);
  const repository = parseRepository(url);
  const { registry } = deps.cloudFor(repository.ecr);
  const tags = await tagsOf(repository, parseDigest(digest), registry, operation);
  if (tags === undefined) return undefined;
  // A tag that was moved away is drift: it leaves the inputs, so that the next update puts it back.
  const kept = (from: PropertyMap): PropertyMap =>
    "tags" in from ? { ...from, tags: listOf(from, "tags").filter((tag) => tags.has(tag)) } : from;
  return { id: request.id, state: kept(state), inputs: kept(inputs ?? {}) };
}

/** `pulumi import`: the ID is a reference, `<repository>@sha256:…` or `<repository>:<tag>`. */
async function importImage(id: string, deps: ImageDeps, operation: Operation): Promise<ReadResult> {
  const { url, reference } = splitReference(id);
  const repository = parseRepository(url);
  const { registry } = deps.cloudFor(repository.ecr);
  const found = await absentWhenNoRepository(registry.find(repository, reference, operation.signal));
  if (found === undefined) return undefined;
  const all = (await tagsOf(repository, found.digest, registry, operation)) ?? new Set<string>();
  const contentTag = [...all].filter((tag) => tag.startsWith("cb-")).sort()[0];
  const tags = [...all].filter((tag) => !tag.startsWith("cb-")).sort();
  const inputs: PropertyMap = { repositoryUrl: url, ...(tags.length > 0 ? { tags } : {}) };
  return {
    id: imageId(repository, operation.urn),
    inputs,
    state: {
      ...inputs,
      tags,
      imageUri: `${repository.url}@${found.digest}`,
      digest: found.digest,
      outcome: "reused",
      ...(contentTag === undefined ? {} : { contentTag }),
    },
  };
}

/** The tags on a digest; undefined when the image, or its repository, is gone. */
async function tagsOf(
  repository: Repository,
  digest: Digest,
  registry: ImageRegistry,
  operation: Operation,
): Promise<ReadonlySet<string> | undefined> {
  const described = await absentWhenNoRepository(registry.describe(repository, digest, operation.signal));
  return described === undefined ? undefined : new Set(described.tags);
}

async function absentWhenNoRepository<T>(answer: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (hasCode(error, "repository-missing")) return undefined;
    throw error;
  }
}

function splitReference(id: string): { url: string; reference: { tag: string } | { digest: Digest } } {
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
