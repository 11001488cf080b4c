import { createHash } from "node:crypto";
import type { StartBuildInput } from "@aws-sdk/client-codebuild";
import type { BuildId } from "../../build/build-backend.ts";
import type { BuildIdentity, BuildRequest, SecretReference } from "../../build/build-request.ts";
import { fileNameOf, sourcesOf } from "./build-sources.ts";
import { buildspec, contentFlags, imageOf, secretVariables } from "./buildspec.ts";
import { machineFor, type MachineOverride } from "./machine.ts";

/** Plain environment variables by which a build of ours is recognised. CodeBuild reserves names that begin with CODEBUILD_. */
export const identityVariables = { contentTag: "CLOUDBUILD_CONTENT_TAG", repository: "CLOUDBUILD_REPOSITORY" } as const;

/** What a project's own buildspec is told. docs/own-project.md says how to use them. */
function ownRecipeVariables(request: BuildRequest): Readonly<Record<string, string>> {
  return {
    CLOUDBUILD_IMAGE: imageOf(request),
    ...contextVariable(request),
    CLOUDBUILD_BUILD_FLAGS: contentFlags(request),
  };
}

/** The archive's file name, or the URL of the commit; nothing where CodeBuild unpacked the source or the project brought it. */
function contextVariable({ context }: BuildRequest): Readonly<Record<string, string>> {
  switch (context.kind) {
    case "archive":
    case "object":
      return { CLOUDBUILD_CONTEXT: fileNameOf(context.object) };
    case "git":
      return { CLOUDBUILD_CONTEXT: context.url };
    case "image":
    case "none":
    case "own":
      return {};
  }
}

// A variable of these types holds a reference; CodeBuild reads the value itself, masks it in the log, and never answers it.
const variableTypes = { secretsManager: "SECRETS_MANAGER", parameterStore: "PARAMETER_STORE" } as const satisfies Record<
  SecretReference["store"],
  string
>;

// What StartBuild accepts for a build's timeout.
const [shortestMinutes, longestMinutes] = [5, 2160];

export function identityOf(identity: BuildIdentity): Readonly<Record<string, string>> {
  return { [identityVariables.contentTag]: identity.contentTag, [identityVariables.repository]: identity.repository.url };
}

/**
 * What StartBuild is asked for, without its token. Equal requests make equal inputs, byte for byte: nothing in it says who asks.
 *
 * @param environmentType the project's own environment type; a machine of another architecture is asked for only where it must be
 */
export function startBuildInput(request: BuildRequest, environmentType: string | undefined): StartBuildInput {
  const own = request.recipe === "project";
  const machine: MachineOverride = machineFor(request.platform, environmentType);
  return {
    projectName: request.project,
    ...sourcesOf(request),
    artifactsOverride: { type: "NO_ARTIFACTS" },
    environmentVariablesOverride: [
      ...Object.entries({ ...identityOf(request), ...(own ? ownRecipeVariables(request) : {}) }).map(([name, value]) => ({
        name,
        value,
        type: "PLAINTEXT" as const,
      })),
      ...Object.entries(secretVariables(request)).map(([name, secret]) => {
        if (secret.store === "value") throw new TypeError(`secret "${secret.name}" was not parked`);
        return { name, value: secret.reference, type: variableTypes[secret.store] };
      }),
    ],
    // The Docker daemon inside the build needs privileges; projects are often made without.
    ...(own ? {} : { buildspecOverride: buildspec(request), privilegedModeOverride: true }),
    timeoutInMinutesOverride: Math.min(Math.max(request.timeoutMinutes, shortestMinutes), longestMinutes),
    ...machine,
  };
}

/** The request as everybody makes it who asks for the same: how the context travels depends on what one found in the bucket. */
export function withoutAssembly(request: BuildRequest): BuildRequest {
  if (request.context.kind !== "archive") return request;
  return { ...request, context: { kind: "archive", object: request.context.object } };
}

/**
 * The idempotency token: 64 hex of sha256 over the input of the request without its assembly, and the newest settled build of this content.
 * Two programs that ask for the same build at once get one; a retried call gets its own build back; after a failure, whose ID is then part of
 * the token, a new one starts.
 */
export function idempotencyToken(input: StartBuildInput, previous: BuildId | undefined): string {
  return createHash("sha256")
    .update(JSON.stringify([canonical(input), previous ?? null]))
    .digest("hex");
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}
