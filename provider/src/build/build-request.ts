import type { Platform } from "../image/platform.ts";
import type { Repository } from "../image/repository.ts";

/** An object the cloud can read. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
}

/** Where a build finds the files of a build context. */
export type BuildContext = ShippedContext | OtherContext;

/** What we shipped: a gzip-compressed tar of exactly the files that were hashed, or how to put it together. */
export interface ShippedContext {
  readonly kind: "archive";
  readonly object: StoredObject;
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

export type OtherContext =
  /** A commit, as BuildKit takes it: `<url>#<commit>[:<folder>]`. The build fetches it itself. */
  | { readonly kind: "git"; readonly url: string }
  /** Somebody else's archive. */
  | {
      readonly kind: "object";
      readonly object: StoredObject;
      readonly format: "zip" | "tar" | "tar.gz";
      /** Where the bucket keeps versions. */
      readonly versionId?: string;
    }
  /** An image, as a named context. */
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "none" }
  /** The source of the project itself, at a version of it. */
  | { readonly kind: "own"; readonly version?: string };

/** The Dockerfile we shipped beside the context, or where it lies in the context. */
export type BuildDockerfile =
  { readonly kind: "shipped"; readonly object: StoredObject } | { readonly kind: "inContext"; readonly path: string };

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
  /** The tag the build pushes, by which the image is found again; of one of several platforms, its child tag. User tags are put on it afterwards. */
  readonly contentTag: string;
  readonly platform: Platform;
  readonly context: BuildContext;
  /** Named contexts, by name. */
  readonly contexts: Readonly<Record<string, BuildContext>>;
  /** Absent where the context is the project's own source. */
  readonly dockerfile?: BuildDockerfile;
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** What `RUN --mount=type=secret,id=<name>` shows to the build, and nothing else does. Name → where the value is kept. */
  readonly secrets: Readonly<Record<string, BuildSecret>>;
  /** `generated`: ours. `project`: the project brings its own, and is told by variables what to push. */
  readonly recipe: "generated" | "project";
  /** No time but a fixed one gets into the image, so that equal content makes equal bytes. */
  readonly reproducible: boolean;
  /** The cloud ends the build itself after this many minutes, whatever becomes of us. */
  readonly timeoutMinutes: number;
}

/** What tells one content from another: enough to look for earlier builds. */
export type BuildIdentity = Pick<BuildRequest, "project" | "repository" | "contentTag">;
