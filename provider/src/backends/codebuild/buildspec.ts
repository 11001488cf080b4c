import { formatPlatform } from "../../image/platform.ts";
import type { BuildRequest, BuildSecret } from "../../build/build-request.ts";
import { shellQuote } from "./shell-quote.ts";
import { unpackCommands } from "./unpack-context.ts";

/** The exported variable by which a build says what it pushed. */
export const digestVariable = "CLOUDBUILD_DIGEST";
/** The secondary source that carries the Dockerfile; CodeBuild unpacks it into CODEBUILD_SRC_DIR_<this>. */
export const dockerfileSource = "dockerfile";

/**
 * The recipe of one build, as buildspec text: sign in, unpack the context, build and push with buildx, say the digest. POSIX sh, and no
 * tool but those of every CodeBuild image. One command a list item, because CodeBuild looks at the exit status of whole items only.
 *
 * BUILDX_BUILDER names a builder that is there already; otherwise the build makes a `docker-container` one, since the classic `docker`
 * driver reports the digest of the image's configuration where that of its manifest belongs.
 */
export function buildspec(request: BuildRequest): string {
  const signIn = [
    `aws ecr get-login-password --region "$AWS_REGION" | docker login --username AWS --password-stdin ${shellQuote(request.repository.registry)}`,
    'if [ -z "${BUILDX_BUILDER:-}" ]; then export BUILDX_BUILDER=cloudbuild && docker buildx create --name cloudbuild --driver docker-container --bootstrap; fi',
  ];
  const unpack = [
    'CLOUDBUILD_WORK="$(mktemp -d)" && mkdir "$CLOUDBUILD_WORK/context" "$CLOUDBUILD_WORK/dockerfile"',
    ...unpackCommands(request.context),
    // The context holds what the ignore file let through; an empty ignore file beside the Dockerfile keeps buildx from filtering twice.
    `cp "$CODEBUILD_SRC_DIR_${dockerfileSource}/Dockerfile" "$CLOUDBUILD_WORK/dockerfile/Dockerfile" && : > "$CLOUDBUILD_WORK/dockerfile/Dockerfile.dockerignore"`,
  ];
  const report = [
    `${digestVariable}="$(sed -n 's/.*"containerimage.digest": *"\\(sha256:[0-9a-f]*\\)".*/\\1/p' "$CLOUDBUILD_WORK/metadata.json")" && export ${digestVariable}`,
    `test -n "$${digestVariable}"`,
  ];
  return render([
    { name: "pre_build", commands: signIn },
    { name: "build", commands: [...unpack, buildCommand(request), ...report] },
  ]);
}

function buildCommand(request: BuildRequest): string {
  return [
    "docker buildx build --push --progress plain",
    // Attestations would turn the image into an index, which Lambda refuses.
    "--provenance false --sbom false",
    `--tag ${shellQuote(imageOf(request))}`,
    contentFlags(request),
    '--metadata-file "$CLOUDBUILD_WORK/metadata.json"',
    '--file "$CLOUDBUILD_WORK/dockerfile/Dockerfile"',
    '"$CLOUDBUILD_WORK/context"',
  ].join(" ");
}

/** What the build pushes. */
export function imageOf({ repository, contentTag }: BuildRequest): string {
  return `${repository.url}:${contentTag}`;
}

/** The flags of `docker buildx build` that decide the content, quoted for the shell. */
export function contentFlags(request: BuildRequest): string {
  const flags = [
    ["--platform", formatPlatform(request.platform)],
    ...(request.target === undefined ? [] : [["--target", request.target]]),
    ...pairs("--build-arg", request.buildArgs),
    ...pairs("--label", request.labels),
    ...Object.entries(secretVariables(request)).map(([variable, { name }]) => ["--secret", `id=${name},env=${variable}`]),
  ];
  return flags.map((flag) => flag.map(shellQuote).join(" ")).join(" ");
}

/** The variables by which secrets reach the build, in the order of the secrets' names. */
export function secretVariables({ secrets }: BuildRequest): Readonly<Record<string, BuildSecret & { readonly name: string }>> {
  const entries = Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, secret], i) => [`CLOUDBUILD_SECRET_${i}`, { name, ...secret }]));
}

function pairs(flag: string, values: Readonly<Record<string, string>>): string[][] {
  return Object.keys(values)
    .sort()
    .map((key) => [flag, `${key}=${values[key]}`]);
}

interface Phase {
  readonly name: string;
  readonly commands: readonly string[];
}

function render(phases: readonly Phase[]): string {
  return [
    "version: 0.2",
    "env:",
    "  exported-variables:",
    `    - ${digestVariable}`,
    "phases:",
    ...phases.flatMap(({ name, commands }) => [`  ${name}:`, "    commands:", ...commands.map((command) => `      - ${scalar(command)}`)]),
    "",
  ].join("\n");
}

/** A command as a YAML scalar. JSON strings are YAML double-quoted strings, and say every character unmistakably. */
function scalar(command: string): string {
  return JSON.stringify(command).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
