import { holdsUnknown, isPropertyMap, sameValue, unwrap, type PropertyValue } from "../property-value.ts";
import type { DetailedDiff, DiffKind, DiffRequest } from "../resource.ts";
import { pathSegment } from "../../support/property-path.ts";
import { contentTag } from "../../image/tag.ts";
import { parseRepository } from "../../image/repository.ts";
import { contentHashes } from "./content-hash.ts";
import { readImageArgs, type computedInputs, type ImageDefaults, type userInputs } from "./image-args.ts";

type InputName = (typeof userInputs)[number] | (typeof computedInputs)[number];

/**
 * What a change of each input means.
 *
 * - `content`: it may decide the bytes of the image. Whether it does is read off the content hash: without another hash, no change.
 * - `tags`: an update that puts tags on the image there is, without a build.
 * - `setting`: an update that only remembers the new value.
 * - `ignore`: no change at all; the new value counts from the next operation on.
 * - `identity`: another repository is another resource.
 */
type Effect = "content" | "tags" | "setting" | "ignore" | "identity";

/** A new input does not compile without its row. */
export const effects = {
  repositoryUrl: "identity",
  // Where the files lie says nothing about what they are: contextHash does.
  context: "ignore",
  contexts: "ignore",
  dockerfile: "ignore",
  contextHash: "content",
  contextHashes: "content",
  dockerfileHash: "content",
  contentHash: "content",
  dockerfileInline: "content",
  buildArgs: "content",
  volatileBuildArgs: "content",
  target: "content",
  platforms: "content",
  labels: "content",
  secrets: "content",
  buildspec: "content",
  sourceVersion: "content",
  triggers: "content",
  reproducible: "content",
  tags: "tags",
  onDelete: "setting",
  project: "ignore",
  contextBucket: "ignore",
  onMissing: "ignore",
  logs: "ignore",
} as const satisfies Record<InputName, Effect>;

/** Pure and cheap: the engine also asks with unknowns, and with old and new exchanged. */
export function diffImage(request: DiffRequest, defaults: ImageDefaults): DetailedDiff {
  const same = sameContent(request, defaults);
  const rows = (Object.keys(effects) as InputName[]).flatMap((name) => rowsOf(name, request, same));
  const ignored = (path: string): boolean =>
    request.ignoreChanges.some((prefix) => path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`));
  const visible = rows.filter(([path]) => !ignored(path));
  return new Map(visible);
}

function rowsOf(name: InputName, request: DiffRequest, same: boolean): (readonly [string, DiffKind])[] {
  const { oldInputs, newInputs, state } = request;
  const effect: Effect = effects[name];
  switch (effect) {
    case "ignore":
      return [];
    case "identity":
      return sameRepository(oldInputs[name] ?? state[name], newInputs[name])
        ? []
        : [[name, replacing(newInputs[name]) ? "updateReplace" : "update"]];
    case "content":
      return same ? [] : changes(name, oldInputs[name], newInputs[name]);
    case "tags":
    case "setting":
      return changes(name, oldInputs[name], newInputs[name]);
  }
}

/**
 * The tag in state is the first half of the hash that was built; an imported image has the tag and no hash. An image that was built under
 * an earlier scheme of hashing is still the same content.
 */
function sameContent({ state, newInputs }: DiffRequest, defaults: ImageDefaults): boolean {
  const { args } = readImageArgs(newInputs, defaults);
  const hashes = typeof args.contentHash === "string" ? [args.contentHash, ...contentHashes(args)] : [];
  return hashes.some((hash) => contentTag(hash) === state["contentTag"]);
}

function sameRepository(before: PropertyValue | undefined, after: PropertyValue | undefined): boolean {
  const a = before === undefined ? undefined : unwrap(before);
  const b = after === undefined ? undefined : unwrap(after);
  return typeof a === "string" && typeof b === "string" ? parseRepository(a).url === parseRepository(b).url : false;
}

/** A URL that is not known yet may turn out to be the old one: no replacement is announced before it is sure. */
function replacing(after: PropertyValue | undefined): boolean {
  return after !== undefined && !holdsUnknown(after);
}

/** One row for each key of a map that changed, else one for the property. */
function changes(path: string, before: PropertyValue | undefined, after: PropertyValue | undefined): (readonly [string, DiffKind])[] {
  if (sameValue(before, after)) return [];
  if (before === undefined) return [[path, "add"]];
  if (after === undefined) return [[path, "delete"]];
  const a = unwrap(before);
  const b = unwrap(after);
  if (!isPropertyMap(a) || !isPropertyMap(b)) return [[path, "update"]];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return keys.flatMap((key) => changes(`${path}${pathSegment(key)}`, a[key], b[key]));
}
