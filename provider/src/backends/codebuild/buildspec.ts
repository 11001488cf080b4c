import { formatPlatform } from "../../image/platform.ts";
import type { BuildRequest, BuildSecret } from "../../build/build-request.ts";
import { dockerfileFolder, fileNameOf, folderOf, namedSources, primaryFolder } from "./build-sources.ts";
import { shellQuote } from "./shell-quote.ts";
import { unpackCommands } from "./unpack-context.ts";

/** The exported variable by which a build says what it pushed. */
export const digestVariable = "CLOUDBUILD_DIGEST";

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
  const report = [
    `${digestVariable}="$(sed -n 's/.*"containerimage.digest": *"\\(sha256:[0-9a-f]*\\)".*/\\1/p' "$CLOUDBUILD_WORK/metadata.json")" && export ${digestVariable}`,
    `test -n "$${digestVariable}"`,
  ];
  return render([
    { name: "pre_build", commands: signIn },
    { name: "build", commands: [...sourceCommands(request), buildCommand(request), ...report] },
  ]);
}

const work = "$CLOUDBUILD_WORK";
const contextFolder = `${work}/context`;
const ownDockerfile = `${work}/dockerfile/Dockerfile`;

/** Puts the files where the build reads them. */
function sourceCommands(request: BuildRequest): string[] {
  const { context, dockerfile } = request;
  const named = namedSources(request);
  const folders = ["context", "dockerfile", ...named.map(({ identifier }) => identifier)].map((name) => `"${work}/${name}"`);
  return [
    `CLOUDBUILD_WORK="$(mktemp -d)" && mkdir ${folders.join(" ")}`,
    ...archiveCommands(request),
    // CodeBuild unpacks a zip by itself, and nothing else.
    ...(context.kind === "object" && context.format !== "zip"
      ? [`tar -x${context.format === "tar" ? "" : "z"}f "${primaryFolder}"/${shellQuote(fileNameOf(context.object))} -C "${contextFolder}"`]
      : []),
    ...named.map((one) => `tar -xpzf "${folderOf(one)}"/${shellQuote(fileNameOf(one.object))} -C "${work}/${one.identifier}"`),
    ...(dockerfile?.kind === "shipped" ? [`cp "${dockerfileFolder}/Dockerfile" "${ownDockerfile}"`] : []),
  ];
}

/**
 * What we shipped holds what the ignore file let through; an empty one beside the Dockerfile keeps buildx from filtering twice. An archive that
 * is piped is left as it is.
 */
function archiveCommands(request: BuildRequest): string[] {
  const { context, dockerfile } = request;
  if (context.kind !== "archive" || pipedArchive(request) !== undefined) return [];
  return [
    ...unpackCommands(context),
    ...(dockerfile?.kind === "inContext" ? [`cp "${contextFolder}"/${shellQuote(dockerfile.path)} "${ownDockerfile}"`] : []),
    `: > "${ownDockerfile}.dockerignore"`,
  ];
}

/**
 * The archive that buildx may read as it is, if it is the whole context and holds the Dockerfile: BuildKit unpacks it, and filters nothing.
 * Nothing is written to the disk and read again before the build.
 */
function pipedArchive({ context, dockerfile }: BuildRequest): { readonly archive: string; readonly dockerfile: string } | undefined {
  if (context.kind !== "archive" || context.assembly !== undefined || dockerfile?.kind !== "inContext") return undefined;
  return { archive: `"${primaryFolder}"/${shellQuote(fileNameOf(context.object))}`, dockerfile: shellQuote(dockerfile.path) };
}

function buildCommand(request: BuildRequest): string {
  return [
    "docker buildx build --push --progress plain",
    // Attestations would turn the image into an index, which Lambda refuses.
    "--provenance false --sbom false",
    `--tag ${shellQuote(imageOf(request))}`,
    contentFlags(request),
    ...namedSources(request).map(({ name, identifier }) => `--build-context ${shellQuote(name)}="${work}/${identifier}"`),
    `--metadata-file "${work}/metadata.json"`,
    ...contextArguments(request),
  ].join(" ");
}

/** The Dockerfile and the context, as buildx is told of them. */
function contextArguments(request: BuildRequest): string[] {
  const { context, dockerfile } = request;
  const shipped = `"${ownDockerfile}"`;
  const piped = pipedArchive(request);
  if (piped !== undefined) return [`--file ${piped.dockerfile} - < ${piped.archive}`];
  switch (context.kind) {
    case "git":
      // Beside a context that BuildKit fetches, a path is a path in it; a Dockerfile of ours comes in by stdin.
      return dockerfile?.kind === "inContext"
        ? [`--file ${shellQuote(dockerfile.path)} ${shellQuote(context.url)}`]
        : [`--file - ${shellQuote(context.url)} < ${shipped}`];
    case "object": {
      const folder = context.format === "zip" ? primaryFolder : contextFolder;
      return [`--file ${dockerfile?.kind === "inContext" ? `"${folder}"/${shellQuote(dockerfile.path)}` : shipped}`, `"${folder}"`];
    }
    case "archive":
    case "none":
    case "image":
    case "own":
      return [`--file ${shipped}`, `"${contextFolder}"`];
  }
}

/** What the build pushes. */
export function imageOf({ repository, contentTag }: BuildRequest): string {
  return `${repository.url}:${contentTag}`;
}

// 1980-01-01T00:00:00Z, the time of every file in the context's archive.
const fixedEpoch = "315532800";

/**
 * The flags of `docker buildx build` that decide the content, quoted for the shell. `--output type=image` only adds to what `--push --tag`
 * say, so that a project's own buildspec is told by the same flags.
 */
export function contentFlags(request: BuildRequest): string {
  const { reproducible } = request;
  const buildArgs = reproducible ? { SOURCE_DATE_EPOCH: fixedEpoch, ...request.buildArgs } : request.buildArgs;
  const flags = [
    ["--platform", formatPlatform(request.platform)],
    ...(request.target === undefined ? [] : [["--target", request.target]]),
    ...(reproducible ? [["--output", "type=image,rewrite-timestamp=true"]] : []),
    ...pairs("--build-arg", buildArgs),
    ...pairs("--label", request.labels),
    ...Object.entries(request.contexts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, context]) => {
        if (context.kind === "git") return [["--build-context", `${name}=${context.url}`]];
        return context.kind === "image" ? [["--build-context", `${name}=docker-image://${context.reference}`]] : [];
      }),
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
