import type { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import type { Operation } from "../../support/operation.ts";
import { holdsSecret, isPropertyMap, Secret, sameValue, unknown, unwrap, type PropertyMap } from "../property-value.ts";
import type { CheckFailure, CheckRequest, CheckResult } from "../resource.ts";
import type { Maybe, InputReader } from "../input-reader.ts";
import { contentHash } from "./content-hash.ts";
import { computedInputs, readImageArgs, userInputs, type ImageArgs } from "./image-args.ts";
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
  if (holdsSecret(request.news["buildArgs"] ?? null)) {
    operation.reporter.warn(
      "buildArgs holds a secret, and build args end up in the history of the image, where whoever pulls it can read them",
    );
  }

  const context = await checkContext(args, deps, operation);
  reader.failures.push(...context.failures);
  // `ignoreChanges: ["contextHash"]` reaches Check as the old hash among the new inputs: it is kept.
  const contextHash = args.contextHash ?? context.contextHash;
  const hashes: PropertyMap =
    reader.failures.length > 0
      ? {}
      : { contextHash, contentHash: contentHash({ ...args, contextHash, dockerfileHash: context.dockerfileHash }) };
  return { inputs: { ...request.news, ...guardedSecrets(request.news), ...hashes }, failures: reader.failures };
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

interface CheckedContext {
  readonly contextHash: Maybe<string>;
  readonly dockerfileHash: Maybe<string>;
  readonly failures: readonly CheckFailure[];
}

async function checkContext(args: ImageArgs, deps: ImageDeps, operation: Operation): Promise<CheckedContext> {
  const { context, dockerfile, target } = args;
  const nothing: CheckedContext = { contextHash: unknown, dockerfileHash: unknown, failures: [] };
  if (context === undefined || context === unknown || dockerfile === unknown) return nothing;
  const { failures, resolved } = await deps.contexts.inspect(
    {
      context,
      baseDir: deps.baseDir,
      ...(dockerfile === undefined ? {} : { dockerfile }),
      ...(typeof target === "string" ? { target } : {}),
    },
    operation,
  );
  if (resolved === undefined || failures.length > 0) return { ...nothing, failures: failures.map(failureOf) };
  return { contextHash: resolved.contextHash, dockerfileHash: resolved.dockerfile.sha256, failures: [] };
}

function failureOf(error: CloudBuildError): CheckFailure {
  return { property: error.property ?? "context", reason: `${error.message}; ${error.hint}` };
}

/** Optional in the schema, because an import cannot know them or the provider's configuration may say them; needed to build all the same. */
function requireInputs({ news }: CheckRequest, args: ImageArgs, reader: InputReader): void {
  const absent = (name: string): boolean => unwrap(news[name] ?? null) === null;
  if (absent("repositoryUrl")) reader.fail("repositoryUrl", "is missing; pass the URL of an ECR repository");
  if (absent("context")) reader.fail("context", "is missing; pass the folder that holds the Dockerfile");
  if (args.onMissing === "fail") return;
  if (absent("project") && args.project === undefined) {
    reader.fail("project", "is missing; name a CodeBuild project here or in the provider's configuration");
  }
  if (absent("contextBucket") && args.contextBucket === undefined) {
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
