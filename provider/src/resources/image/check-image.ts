import type { Operation } from "../../support/operation.ts";
import { pathSegment } from "../../support/property-path.ts";
import { holdsSecret, isPropertyMap, Secret, sameValue, unknown, unwrap, type PropertyMap } from "../property-value.ts";
import type { CheckRequest, CheckResult } from "../resource.ts";
import type { InputReader, Maybe } from "../input-reader.ts";
import { contentHash } from "./content-hash.ts";
import { computedInputs, readImageArgs, userInputs, type ImageArgs } from "./image-args.ts";
import { hashSources, needsBucket } from "./image-sources.ts";
import type { ImageDeps } from "./image-deps.ts";

/**
 * Validates everything and reports all failures at once; reads and hashes the build context, and adds `contextHash` and `contentHash` to
 * the inputs, so that previews and diffs show them. Both are unknown while anything they depend on is.
 */
export async function checkImage(request: CheckRequest, deps: ImageDeps, operation: Operation): Promise<CheckResult> {
  if (isAsImported(request)) return { inputs: request.news, failures: [] };
  const { args, reader } = readImageArgs(request.news, deps.defaults);
  reader.refuseOthers([...userInputs, ...computedInputs]);
  refuseComputed(request, reader);
  requireInputs(request, args, reader);
  checkRegistry(args, deps, reader);
  checkSources(args, reader);
  if (holdsSecret(request.news["buildArgs"] ?? null)) {
    operation.reporter.warn(
      "buildArgs holds a secret, and build args end up in the history of the image, where whoever pulls it can read them",
    );
  }

  const hashes = await hashSources(args, reader, deps, operation);
  // `ignoreChanges: ["contextHash"]` reaches Check as the old hash among the new inputs: it is kept.
  const contextHash: Maybe<string> = args.contextHash ?? hashes.contextHash ?? unknown;
  const known: ImageArgs = { ...args, ...hashes, contextHash };
  const computed: PropertyMap =
    reader.failures.length > 0
      ? {}
      : {
          contextHash,
          ...(args.contexts === unknown || Object.keys(args.contexts).length > 0 ? { contextHashes: known.contextHashes } : {}),
          ...(known.dockerfileHash === undefined ? {} : { dockerfileHash: known.dockerfileHash }),
          contentHash: contentHash(known),
        };
  return { inputs: { ...request.news, ...guardedSecrets(request.news), ...computed }, failures: reader.failures };
}

/**
 * Inputs that an import read off the registry, which knows nothing of contexts: the engine checks them at once, and a program may declare them
 * as they are. Nothing is to be built as long as nothing else is asked for.
 */
function isAsImported({ news, olds }: CheckRequest): boolean {
  return typeof olds["repositoryUrl"] === "string" && olds["context"] === undefined && sameValue(news, olds);
}

/** A secret given by value is one, whether the program said so or not. */
function guardedSecrets({ secrets }: PropertyMap): PropertyMap {
  if (!isPropertyMap(secrets)) return {};
  const guarded = Object.entries(secrets).map(([name, secret]) => {
    const value = isPropertyMap(secret) ? secret["value"] : undefined;
    return [name, isPropertyMap(secret) && typeof value === "string" ? { ...secret, value: new Secret(value) } : secret] as const;
  });
  return { secrets: Object.fromEntries(guarded) };
}

/** Optional in the schema, because an import cannot know them or the provider's configuration may say them; needed to build all the same. */
function requireInputs({ news }: CheckRequest, args: ImageArgs, reader: InputReader): void {
  const absent = (name: string): boolean => unwrap(news[name] ?? null) === null;
  if (absent("repositoryUrl")) reader.fail("repositoryUrl", "is missing; pass the URL of an ECR repository");
  if (absent("context") && absent("dockerfileInline") && args.buildspec === "generated") {
    reader.fail(
      "context",
      "is missing; pass the folder that holds the Dockerfile, or the text of one that needs no files as dockerfileInline",
    );
  }
  if (args.onMissing === "fail") return;
  if (absent("project") && args.project === undefined) {
    reader.fail("project", "is missing; name a CodeBuild project here or in the provider's configuration");
  }
  if (absent("contextBucket") && args.contextBucket === undefined && needsBucket(args)) {
    reader.fail("contextBucket", "is missing; name an S3 bucket for build contexts here or in the provider's configuration");
  }
}

/** What Check computes cannot be set. The engine itself puts the old value there for `ignoreChanges`. */
function refuseComputed({ news, olds }: CheckRequest, reader: InputReader): void {
  for (const name of computedInputs) {
    if (news[name] !== undefined && !sameValue(news[name], olds[name])) {
      reader.fail(name, "is computed by the provider and cannot be set; use `triggers` to ask for another build");
    }
  }
}

function checkRegistry(args: ImageArgs, deps: ImageDeps, reader: InputReader): void {
  const { repository } = args;
  if (repository === undefined || repository === unknown) return;
  if (repository.ecr === undefined && !deps.customEndpoint) {
    reader.fail(
      "repositoryUrl",
      `"${repository.registry}" is not an Amazon ECR host; expected <account>.dkr.ecr.<region>.amazonaws.com, or a custom endpoint in the provider's configuration`,
    );
  }
}

/** What cannot be said together. */
function checkSources(args: ImageArgs, reader: InputReader): void {
  const { context, contexts, dockerfile, dockerfileInline, buildspec, sourceVersion } = args;
  if (dockerfile !== undefined && dockerfileInline !== undefined) {
    reader.fail("dockerfileInline", "says what `dockerfile` says already; set one of the two");
  }
  const own = buildspec === "project" && context === undefined && dockerfileInline === undefined;
  if (sourceVersion !== undefined && !own && buildspec !== unknown) {
    reader.fail("sourceVersion", 'is the version of a project\'s own source: it needs `buildspec: "project"`, and no context');
  }
  if (own && dockerfile !== undefined) reader.fail("dockerfile", "is the affair of the project's own source, which is built here");
  if (buildspec !== "project" || contexts === unknown) return;
  for (const [name, text] of Object.entries(contexts)) {
    if (own || !/^[a-z-]+:\/\//.test(text)) {
      const why = own ? "cannot be given to a project's own source" : 'is a folder, which `buildspec: "project"` cannot be given';
      reader.fail(`contexts${pathSegment(name)}`, `${why}; use docker-image://… or a git URL beside a context`);
    }
  }
}
