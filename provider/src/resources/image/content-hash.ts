import { createHash } from "node:crypto";
import type { Maybe } from "../input-reader.ts";
import { unknown } from "../property-value.ts";
import type { ImageArgs } from "./image-args.ts";

/** Everything that decides the bytes of an image. Tags, project, log mode and where the repository lives are not in it. */
export type Content = Pick<
  ImageArgs,
  | "hashedBuildArgs"
  | "target"
  | "platforms"
  | "labels"
  | "buildspec"
  | "secretNames"
  | "triggers"
  | "contextHash"
  | "contextHashes"
  | "dockerfileHash"
  | "reproducible"
>;

type Fields = readonly (readonly [name: string, value: unknown])[];

interface Scheme {
  /** Named in every hash: another way of hashing is another scheme, and never meets the tags of this one. */
  readonly name: string;
  /** undefined: the scheme has no words for this content. */
  readonly fields: (content: Content) => Fields | undefined;
}

/**
 * The newest first. An image that was built under an earlier scheme is found by its tag of then; so a scheme may only leave this list when
 * nobody has such images any more.
 */
const schemes: readonly [Scheme, ...Scheme[]] = [
  {
    name: "pulumi-cloudbuild content 2",
    fields: (content) => [...common(content), ["contexts", sorted(content.contextHashes)], ["reproducible", content.reproducible]],
  },
  {
    name: "pulumi-cloudbuild content 1",
    fields: (content) => (isEmpty(content.contextHashes) && content.reproducible === false ? common(content) : undefined),
  },
];

/**
 * The content hash, 64 hex. JSON of a fixed list of named fields frames every value, so that no two contents share a text. Unknown when
 * any part is.
 */
export function contentHash(content: Content): Maybe<string> {
  return hashUnder(schemes[0], content) ?? unknown;
}

/** The hash of the same content under every scheme that has words for it, the newest first. Empty when any part is unknown. */
export function contentHashes(content: Content): readonly string[] {
  return schemes.flatMap((scheme) => {
    const hash = hashUnder(scheme, content);
    return typeof hash === "string" ? [hash] : [];
  });
}

function hashUnder({ name, fields }: Scheme, content: Content): Maybe<string> | undefined {
  const said = fields(content);
  if (said === undefined) return undefined;
  if (said.some(([, value]) => value === unknown)) return unknown;
  return createHash("sha256")
    .update(JSON.stringify([name, said]))
    .digest("hex");
}

function common(content: Content): Fields {
  return [
    ["context", content.contextHash ?? unknown],
    ["dockerfile", content.dockerfileHash ?? null],
    ["target", content.target ?? null],
    ["platforms", content.platforms],
    ["buildArgs", sorted(content.hashedBuildArgs)],
    ["labels", sorted(content.labels)],
    ["secrets", content.secretNames],
    // Another recipe may make another image of the same content.
    ["recipe", content.buildspec],
    ["triggers", sorted(content.triggers)],
  ];
}

function sorted(values: Maybe<Readonly<Record<string, string>>>): unknown {
  if (values === unknown) return unknown;
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

function isEmpty(values: Maybe<Readonly<Record<string, string>>>): boolean {
  return typeof values === "object" && Object.keys(values).length === 0;
}
