import { createHash } from "node:crypto";
import { assertNever } from "../../errors/assert-never.ts";
import type { ReadFolder } from "../files/context-reader.ts";
import type { DockerfileText } from "../files/dockerfile-text.ts";
import type { ArchiveFormat, GitReference } from "./context-reference.ts";

/** A build context of any kind, resolved to something that does not move. */
export type ResolvedSource = (ReadFolder & { readonly kind: "folder" }) | ResolvedCommit | ResolvedObject | NamedImage | NoContext;

/** A commit of a git repository, which the build fetches itself. */
export interface ResolvedCommit extends Pick<GitReference, "url" | "subfolder"> {
  readonly kind: "git";
  readonly commit: string;
}

/** An archive in S3, as it was when it was looked at. */
export interface ResolvedObject {
  readonly kind: "object";
  readonly bucket: string;
  readonly key: string;
  readonly format: ArchiveFormat;
  readonly etag: string;
  /** Where the bucket keeps versions. */
  readonly versionId?: string;
}

/** Somebody else's image, as a named context. */
export interface NamedImage {
  readonly kind: "image";
  readonly reference: string;
}

/** A Dockerfile that copies nothing needs no context. */
export interface NoContext {
  readonly kind: "none";
}

/** The Dockerfile, where it is known here; otherwise it lies in the context at a path. */
export type ResolvedDockerfile = (DockerfileText & { readonly kind: "text" }) | { readonly kind: "inContext"; readonly path: string };

/** Everything a build reads, resolved. */
export interface ResolvedSources {
  readonly context: ResolvedSource;
  /** Named contexts, by name. */
  readonly contexts: Readonly<Record<string, ResolvedSource>>;
  readonly dockerfile: ResolvedDockerfile;
}

/**
 * The context hash, 64 hex. A folder's is over its files (`context-hash.ts`). A commit is known by its ID whatever its repository is called,
 * an object by what S3 says of its bytes, an image by its reference.
 */
export function hashOfSource(source: ResolvedSource): string {
  switch (source.kind) {
    case "folder":
      return source.contextHash;
    case "git":
      return hashed("git", source.commit, source.subfolder ?? "");
    case "object":
      return hashed("object", source.format, source.etag);
    case "image":
      return hashed("image", source.reference);
    case "none":
      return hashed("none");
    default:
      return assertNever(source);
  }
}

/** What the content hash knows of a Dockerfile: 64 hex. */
export function hashOfDockerfile(dockerfile: ResolvedDockerfile): string {
  return dockerfile.kind === "text" ? dockerfile.sha256 : hashed("dockerfile in context", dockerfile.path);
}

/** For a project that builds its own source, which is not looked at: what it is called, and the version that is asked for. */
export function hashOfOwnSource(project: string, version: string | undefined): string {
  return hashed("own source", project, version ?? "");
}

function hashed(...parts: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify(["pulumi-cloudbuild context", ...parts]))
    .digest("hex");
}
