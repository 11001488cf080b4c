import type { Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";

/** An object the cloud can read. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
}

/** A build context: a gzip-compressed tar of its files, or how to put it together. */
export interface StoredContext extends StoredObject {
  /**
   * Present where the object itself need not be there: the way by which the context travels. It is no part of what is asked for, so
   * requests that differ by it alone are equal.
   */
  readonly assembly?: StoredAssembly;
}

/** What a context is put together from. All objects lie in the context's bucket. */
export interface StoredAssembly {
  /** A gzip-compressed tar of an earlier context. */
  readonly baseKey: string;
  /**
   * What turns it into this one, in order: gzip-compressed tars of the file `removed`, paths that go, each as `./path` and ended by NUL, and
   * the folder `tree`, which holds what is new or changed.
   */
  readonly deltaKeys: readonly string[];
  /**
   * What the tree must digest to before it may be built, 64 hex: sha256 over `./<path>//<kind><mode>//<link text>` and NUL for each entry,
   * sorted by bytes, then the sha256 of each file, a line each, in the order of their paths.
   */
  readonly treeDigest: string;
}

/** Where a build finds the value of a secret: in a place of the user's, or with us, who hand it over and keep it nowhere. */
export type BuildSecret = SecretReference | { readonly store: "value"; readonly value: string };

/** A secret by reference: its value is read by the build, never by us. */
export interface SecretReference {
  readonly store: "secretsManager" | "parameterStore";
  /** `id[:json-key[:version-stage[:version-id]]]`, or the name of a parameter. */
  readonly reference: string;
}

/**
 * One build of one platform, in no cloud's words. It says everything about the content and nothing about who asks: two stacks that
 * want the same content make equal requests, and so get one build.
 */
export interface BuildRequest {
  /** What runs the build; a CodeBuild project's name. */
  readonly project: string;
  readonly repository: Repository;
  /** The tag the build pushes, by which the image is found again. User tags are put on it afterwards. */
  readonly contentTag: string;
  readonly platform: Platform;
  readonly context: StoredContext;
  readonly dockerfile: StoredObject;
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** What `RUN --mount=type=secret,id=<name>` shows to the build, and nothing else does. Name → where the value is kept. */
  readonly secrets: Readonly<Record<string, BuildSecret>>;
  /** `generated`: ours. `project`: the project brings its own, and is told by variables what to push. */
  readonly recipe: "generated" | "project";
  /** The cloud ends the build itself after this many minutes, whatever becomes of us. */
  readonly timeoutMinutes: number;
}

/** What tells one content from another: enough to look for earlier builds. */
export type BuildIdentity = Pick<BuildRequest, "project" | "repository" | "contentTag">;
