import type { ProjectSource, StartBuildInput } from "@aws-sdk/client-codebuild";
import type { BuildContext, BuildRequest, StoredObject } from "../../build/build-request.ts";
import { deltaSource } from "./unpack-context.ts";

/** The secondary source that carries the Dockerfile; CodeBuild brings it into CODEBUILD_SRC_DIR_<this>. */
const dockerfileSource = "dockerfile";

/** Where a build's commands find what was brought for them. Shell text; expands in double quotes. */
export const primaryFolder = "$CODEBUILD_SRC_DIR";
export const dockerfileFolder = `$CODEBUILD_SRC_DIR_${dockerfileSource}`;

/** A named context that we shipped, and the secondary source that carries it. */
export interface NamedSource {
  readonly name: string;
  readonly identifier: string;
  readonly object: StoredObject;
}

/** Secondary sources are named in the order of the contexts' names, so that equal requests stay equal. */
export function namedSources({ contexts }: Pick<BuildRequest, "contexts">): readonly NamedSource[] {
  return Object.entries(contexts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, context]) => (context.kind === "archive" ? [{ name, object: context.object }] : []))
    .map((one, i) => ({ ...one, identifier: `context_${i}` }));
}

export function folderOf({ identifier }: NamedSource): string {
  return `$CODEBUILD_SRC_DIR_${identifier}`;
}

/** What CodeBuild brings into the build: the context, and beside it the Dockerfile and the named contexts. */
export function sourcesOf(request: BuildRequest): Partial<StartBuildInput> {
  const secondary: ProjectSource[] = [
    ...(request.dockerfile?.kind === "shipped" ? [sourceOf(request.dockerfile.object, dockerfileSource)] : []),
    ...namedSources(request).map(({ object, identifier }) => sourceOf(object, identifier)),
    ...deltaSources(request.context),
  ];
  return {
    ...primarySource(request.context),
    ...(request.context.kind === "own" && secondary.length === 0 ? {} : { secondarySourcesOverride: secondary }),
  };
}

function primarySource(context: BuildContext): Partial<StartBuildInput> {
  switch (context.kind) {
    case "archive": {
      const { object, assembly } = context;
      const first = assembly === undefined ? object : { ...object, key: assembly.baseKey };
      return { sourceTypeOverride: "S3", sourceLocationOverride: locationOf(first) };
    }
    case "object":
      return {
        sourceTypeOverride: "S3",
        sourceLocationOverride: locationOf(context.object),
        ...(context.versionId === undefined ? {} : { sourceVersion: context.versionId }),
      };
    case "own":
      return context.version === undefined ? {} : { sourceVersion: context.version };
    case "git":
    case "image":
    case "none":
      return { sourceTypeOverride: "NO_SOURCE" };
  }
}

function deltaSources(context: BuildContext): ProjectSource[] {
  if (context.kind !== "archive") return [];
  const { object, assembly } = context;
  return (assembly?.deltaKeys ?? []).map((key, i) => sourceOf({ ...object, key }, deltaSource(i)));
}

function sourceOf(object: StoredObject, sourceIdentifier: string): ProjectSource {
  return { type: "S3", location: locationOf(object), sourceIdentifier };
}

function locationOf({ bucket, key }: StoredObject): string {
  return `${bucket}/${key}`;
}

/** The name under which CodeBuild leaves a file that it does not unpack. */
export function fileNameOf({ key }: StoredObject): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
