/** Who has to act before the operation can succeed. `us` asks the user for a bug report. */
export type Actor = "program" | "account" | "cloud" | "us";

export interface CatalogEntry {
  /** One line that names the failure. */
  readonly title: string;
  /** What to do next. */
  readonly hint: string;
  readonly actor: Actor;
}

/** Every error this provider raises on purpose. The code is the identity: code branches on it, documentation lists it. */
export const catalog = {
  "configuration-invalid": {
    title: "the provider configuration is invalid",
    hint: "correct the named setting of the cloudbuild provider",
    actor: "program",
  },
  "input-invalid": {
    title: "an input is invalid",
    hint: "correct the named property",
    actor: "program",
  },
  "context-unreadable": {
    title: "the build context cannot be read",
    hint: "check that the folder exists and that its files are readable, or ignore them in .dockerignore",
    actor: "program",
  },
  "context-changed": {
    title: "the build context changed while it was read",
    hint: "stop whatever writes into the folder, or ignore those files in .dockerignore, and run again",
    actor: "program",
  },
  "context-unassembled": {
    title: "the build could not put its context together",
    hint: "run again: then the whole context is shipped",
    actor: "cloud",
  },
  "ignore-pattern-malformed": {
    title: "the ignore file holds a malformed pattern",
    hint: "correct the named line; the syntax is that of .dockerignore",
    actor: "program",
  },
  "dockerfile-missing": {
    title: "the Dockerfile does not exist",
    hint: "set `dockerfile` to the path of the Dockerfile",
    actor: "program",
  },
  "dockerfile-invalid": {
    title: "the Dockerfile cannot be parsed",
    hint: "correct the named line",
    actor: "program",
  },
  "target-unknown": {
    title: "the Dockerfile has no such stage",
    hint: "set `target` to the name of a stage of the Dockerfile",
    actor: "program",
  },
  "bucket-missing": {
    title: "the context bucket does not exist",
    hint: "create the bucket in the region of the repository, or set `contextBucket` to one that exists",
    actor: "account",
  },
  "project-missing": {
    title: "the CodeBuild project does not exist",
    hint: "create the project in the region of the repository, or set `project` to one that exists",
    actor: "account",
  },
  "repository-missing": {
    title: "the ECR repository does not exist",
    hint: "create the repository first; pass its URL as an output so that Pulumi keeps the order",
    actor: "account",
  },
  "access-denied": {
    title: "the cloud denied a call",
    hint: "grant the named action to the credentials that run Pulumi",
    actor: "account",
  },
  "credentials-unusable": {
    title: "there are no usable cloud credentials",
    hint: "sign in again, or set `profile` or `assumeRole` of the cloudbuild provider",
    actor: "account",
  },
  "quota-exceeded": {
    title: "the account cannot run this build",
    hint: "request a higher quota for the compute type in Service Quotas, or wait until other builds end",
    actor: "account",
  },
  "cloud-unavailable": {
    title: "the cloud did not answer as expected",
    hint: "run again; if it persists, look at the health page of the region",
    actor: "cloud",
  },
  "build-failed": {
    title: "the build failed",
    hint: "correct the failing step and run again",
    actor: "program",
  },
  "build-faulted": {
    title: "the cloud could not run the build",
    hint: "run again; the failure is not in the Dockerfile",
    actor: "cloud",
  },
  "build-timed-out": {
    title: "the build ran out of time",
    hint: "raise the timeout (`customTimeouts` of the resource), or make the build shorter",
    actor: "program",
  },
  "build-stopped": {
    title: "the build was stopped",
    hint: "run again when it should be built",
    actor: "program",
  },
  "build-lost": {
    title: "the build is unknown to the cloud",
    hint: "run again; a new build will start",
    actor: "cloud",
  },
  "build-not-stopped": {
    title: "a build could not be stopped",
    hint: "stop the named build in the console, then run again",
    actor: "cloud",
  },
  "image-missing": {
    title: "the image is not in the registry",
    hint: "build it where builds are allowed, or set `onMissing` to `build`",
    actor: "program",
  },
  "image-archived": {
    title: "the image is archived and cannot be pulled",
    hint: "restore the image to the standard storage class, and run again",
    actor: "account",
  },
  "image-unconfirmed": {
    title: "the registry does not confirm what the build pushed",
    hint: "run again; if it persists, check who else pushes to this repository",
    actor: "cloud",
  },
  "tag-immutable": {
    title: "a tag cannot be moved in this repository",
    hint: "use another tag, or make the tag mutable in the repository's settings",
    actor: "account",
  },
  "state-newer": {
    title: "the state was written by a newer version of the provider",
    hint: "install that version of the cloudbuild plugin, or a later one",
    actor: "program",
  },
  cancelled: {
    title: "the operation was cancelled",
    hint: "run again when ready",
    actor: "program",
  },
  "deadline-exceeded": {
    title: "the operation ran out of time",
    hint: "raise `customTimeouts` of the resource",
    actor: "program",
  },
  internal: {
    title: "the provider failed unexpectedly",
    hint: "report this with the text above to the provider's authors",
    actor: "us",
  },
} as const satisfies Record<string, CatalogEntry>;

export type ErrorCode = keyof typeof catalog;
