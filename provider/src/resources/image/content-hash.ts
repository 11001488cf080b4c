import { createHash } from "node:crypto";
import type { Maybe } from "../input-reader.ts";
import { unknown } from "../property-value.ts";
import type { ImageArgs } from "./image-args.ts";

/** Named in every hash: another way of hashing is another scheme, and never meets the tags of this one. */
const scheme = "pulumi-cloudbuild content 1";

/** Everything that decides the bytes of an image. Tags, project, log mode and where the repository lives are not in it. */
export type Content = Pick<
  ImageArgs,
  "hashedBuildArgs" | "target" | "platforms" | "labels" | "buildspec" | "secretNames" | "triggers" | "reproducible"
> & {
  readonly contextHash: Maybe<string>;
  /** sha256 of the Dockerfile's bytes, hex. */
  readonly dockerfileHash: Maybe<string>;
};

/**
 * The content hash, 64 hex. JSON of a fixed list of named fields frames every value, so that no two contents share a text. Unknown when
 * any part is.
 */
export function contentHash(content: Content): Maybe<string> {
  const fields: readonly (readonly [string, unknown])[] = [
    ["context", content.contextHash],
    ["dockerfile", content.dockerfileHash],
    ["target", content.target ?? null],
    ["platforms", content.platforms],
    ["buildArgs", sorted(content.hashedBuildArgs)],
    ["labels", sorted(content.labels)],
    ["secrets", content.secretNames],
    // Another recipe may make another image of the same content.
    ["recipe", content.buildspec],
    ["triggers", sorted(content.triggers)],
    // Left out where it is off: images from before there was this input are found again.
    ...(content.reproducible === false ? [] : [["reproducible", content.reproducible] as const]),
  ];
  if (fields.some(([, value]) => value === unknown)) return unknown;
  return createHash("sha256")
    .update(JSON.stringify([scheme, fields]))
    .digest("hex");
}

function sorted(values: Maybe<Readonly<Record<string, string>>>): unknown {
  if (values === unknown) return unknown;
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
