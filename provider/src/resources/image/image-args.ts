import type { BuildSecret } from "../../build/build-request.ts";
import { formatPlatform, parsePlatform, samePlatform, type Platform } from "../../image/platform.ts";
import { parseRepository, type Repository } from "../../image/repository.ts";
import { isReservedTag, parseTag } from "../../image/tag.ts";
import { pathSegment } from "../../support/property-path.ts";
import { readInputs, type InputReader, type Maybe } from "../input-reader.ts";
import { isPropertyMap, unknown, unwrap, type PropertyMap } from "../property-value.ts";

export const buildspecChoices = ["generated", "project"] as const;
export const onMissingChoices = ["build", "fail"] as const;
export const onDeleteChoices = ["retain", "delete"] as const;
export const logsChoices = ["off", "errors", "summary", "full"] as const;
export const secretStores = ["secretsManager", "parameterStore", "value"] as const satisfies readonly BuildSecret["store"][];
export type Buildspec = (typeof buildspecChoices)[number];
export type OnMissing = (typeof onMissingChoices)[number];
export type OnDelete = (typeof onDeleteChoices)[number];
export type LogMode = (typeof logsChoices)[number];

/** The inputs a program may set, and those that Check adds. */
export const userInputs = [
  "repositoryUrl",
  "context",
  "contexts",
  "dockerfile",
  "dockerfileInline",
  "buildArgs",
  "volatileBuildArgs",
  "target",
  "platforms",
  "tags",
  "labels",
  "secrets",
  "triggers",
  "reproducible",
  "project",
  "buildspec",
  "sourceVersion",
  "contextBucket",
  "onMissing",
  "onDelete",
  "logs",
] as const;
export const computedInputs = ["contextHash", "contextHashes", "dockerfileHash", "contentHash"] as const;

/** What the provider's configuration says where an image says nothing. */
export interface ImageDefaults {
  readonly project?: string;
  readonly contextBucket?: string;
  readonly platforms?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly onMissing?: OnMissing;
  readonly onDelete?: OnDelete;
  readonly logs?: LogMode;
}

/** The inputs of one image, parsed. In a preview any of them may be unknown; what is absent has its default already. */
export interface ImageArgs {
  readonly repository: Maybe<Repository> | undefined;
  readonly context: Maybe<string> | undefined;
  readonly contexts: Maybe<Readonly<Record<string, string>>>;
  readonly dockerfile: Maybe<string> | undefined;
  readonly dockerfileInline: Maybe<string> | undefined;
  readonly buildArgs: Maybe<Readonly<Record<string, string>>>;
  /** The build args that decide the content: all but the volatile ones. */
  readonly hashedBuildArgs: Maybe<Readonly<Record<string, string>>>;
  readonly target: Maybe<string> | undefined;
  /** Canonical spelling, sorted. */
  readonly platforms: Maybe<readonly string[]>;
  readonly tags: Maybe<readonly string[]>;
  readonly labels: Maybe<Readonly<Record<string, string>>>;
  /** By name. Unknown references are unknown here; their names may be known all the same. */
  readonly secrets: Maybe<Readonly<Record<string, BuildSecret>>>;
  readonly secretNames: Maybe<readonly string[]>;
  readonly triggers: Maybe<Readonly<Record<string, string>>>;
  readonly reproducible: Maybe<boolean>;
  readonly project: Maybe<string> | undefined;
  readonly contextBucket: Maybe<string> | undefined;
  readonly buildspec: Maybe<Buildspec>;
  readonly sourceVersion: Maybe<string> | undefined;
  readonly onMissing: OnMissing;
  readonly onDelete: OnDelete;
  readonly logs: LogMode;
  readonly contextHash: Maybe<string> | undefined;
  /** Of the named contexts, by name. */
  readonly contextHashes: Maybe<Readonly<Record<string, string>>>;
  readonly dockerfileHash: Maybe<string> | undefined;
  readonly contentHash: Maybe<string> | undefined;
}

// CodeBuild's rule for project names and S3's for bucket names: a typing error is found before anything starts.
const projectName = /^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$/;
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Parses inputs; failures are collected in the reader. */
export function readImageArgs(inputs: PropertyMap, defaults: ImageDefaults): { args: ImageArgs; reader: InputReader } {
  const reader = readInputs(inputs);
  const volatile = readVolatile(inputs, reader);
  const args: ImageArgs = {
    repository: reader.parse("repositoryUrl", reader.string("repositoryUrl"), parseRepository),
    context: reader.string("context"),
    contexts: reader.stringMap("contexts") ?? {},
    dockerfile: reader.string("dockerfile"),
    dockerfileInline: reader.string("dockerfileInline"),
    buildArgs: reader.stringMap("buildArgs") ?? {},
    hashedBuildArgs: volatile === unknown ? unknown : (readInputs(withoutKeys(inputs, volatile)).stringMap("buildArgs") ?? {}),
    target: reader.string("target"),
    platforms: readPlatforms(reader, defaults),
    tags: readTags(reader),
    labels: readLabels(reader, defaults),
    secrets: readSecrets(reader),
    secretNames: readSecretNames(inputs),
    triggers: reader.stringMap("triggers") ?? {},
    reproducible: reader.boolean("reproducible") ?? false,
    project: matching(reader, "project", projectName, "a CodeBuild project name: 2 to 150 letters, digits, - or _") ?? defaults.project,
    contextBucket: matching(reader, "contextBucket", bucketName, "an S3 bucket name") ?? defaults.contextBucket,
    buildspec: reader.choice("buildspec", buildspecChoices) ?? "generated",
    sourceVersion: reader.string("sourceVersion"),
    onMissing: setting(reader.choice("onMissing", onMissingChoices)) ?? defaults.onMissing ?? "build",
    onDelete: setting(reader.choice("onDelete", onDeleteChoices)) ?? defaults.onDelete ?? "retain",
    logs: setting(reader.choice("logs", logsChoices)) ?? defaults.logs ?? "summary",
    contextHash: reader.string("contextHash"),
    contextHashes: reader.stringMap("contextHashes") ?? {},
    dockerfileHash: reader.string("dockerfileHash"),
    contentHash: reader.string("contentHash"),
  };
  return { args, reader };
}

/** A setting that is not known yet counts as not set: it decides nothing in a preview. */
function setting<T>(value: Maybe<T> | undefined): T | undefined {
  return value === unknown ? undefined : value;
}

function readVolatile(inputs: PropertyMap, reader: InputReader): Maybe<readonly string[]> {
  const names = reader.strings("volatileBuildArgs") ?? [];
  const given = unwrap(inputs["buildArgs"] ?? null);
  if (names === unknown || given === unknown) return names;
  names.forEach((name, i) => {
    if (!isPropertyMap(given) || given[name] === undefined) reader.fail(`volatileBuildArgs[${i}]`, `"${name}" is none of buildArgs`);
  });
  return names;
}

/** The inputs with these keys taken out of `buildArgs`. */
function withoutKeys(inputs: PropertyMap, keys: readonly string[]): PropertyMap {
  const given = unwrap(inputs["buildArgs"] ?? null);
  if (!isPropertyMap(given)) return inputs;
  return { ...inputs, buildArgs: Object.fromEntries(Object.entries(given).filter(([key]) => !keys.includes(key))) };
}

function readPlatforms(reader: InputReader, defaults: ImageDefaults): Maybe<readonly string[]> {
  const given = reader.strings("platforms");
  if (given === unknown) return unknown;
  const platforms: Platform[] = [];
  const texts = given ?? defaults.platforms ?? ["linux/amd64"];
  for (const [i, text] of texts.entries()) {
    const platform = reader.parse(`platforms[${i}]`, text, parsePlatform);
    if (platform === undefined || platform === unknown) continue;
    if (platforms.some((other) => samePlatform(other, platform))) reader.fail(`platforms[${i}]`, `"${text}" is there twice`);
    platforms.push(platform);
  }
  if (texts.length === 0) reader.fail("platforms", "is empty; name a platform, such as linux/amd64, or leave it out");
  return platforms.map(formatPlatform).sort();
}

function readTags(reader: InputReader): Maybe<readonly string[]> {
  const tags = reader.strings("tags");
  if (tags === undefined || tags === unknown) return tags ?? [];
  tags.forEach((tag, i) => {
    reader.parse(`tags[${i}]`, tag, parseTag);
    if (isReservedTag(tag)) reader.fail(`tags[${i}]`, `"${tag}" begins with cb-, which is kept for content tags; choose another`);
    if (tags.indexOf(tag) < i) reader.fail(`tags[${i}]`, `"${tag}" is there twice`);
  });
  return tags;
}

// What a Dockerfile can name in `RUN --mount=type=secret,id=…` without quoting.
const secretName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

function readSecrets(reader: InputReader): Maybe<Readonly<Record<string, BuildSecret>>> {
  const given = reader.objectMap("secrets");
  if (given === undefined || given === unknown) return given ?? {};
  const references = Object.entries(given).map(([name, one]): readonly [string, Maybe<BuildSecret> | undefined] => {
    if (!secretName.test(name))
      reader.fail(`secrets${pathSegment(name)}`, `"${name}" is not a secret's name: up to 64 letters, digits, _ . or -`);
    one.refuseOthers(secretStores);
    const places = secretStores.flatMap((store) => {
      const reference = one.string(store);
      return reference === undefined ? [] : [{ store, reference }];
    });
    const [place] = places;
    if (places.length !== 1 || place === undefined) {
      reader.fail(`secrets${pathSegment(name)}`, `names ${places.length} places; name exactly one of ${secretStores.join(", ")}`);
      return [name, undefined];
    }
    const { store, reference } = place;
    if (typeof reference !== "string") return [name, unknown];
    return [name, store === "value" ? { store, value: reference } : { store, reference }];
  });
  if (references.some(([, reference]) => reference === unknown)) return unknown;
  return Object.fromEntries(
    references.flatMap(([name, reference]) => (reference === undefined || reference === unknown ? [] : [[name, reference] as const])),
  );
}

function readSecretNames(inputs: PropertyMap): Maybe<readonly string[]> {
  const given = unwrap(inputs["secrets"] ?? null);
  if (given === unknown) return unknown;
  return isPropertyMap(given) ? Object.keys(given).sort() : [];
}

function readLabels(reader: InputReader, defaults: ImageDefaults): Maybe<Readonly<Record<string, string>>> {
  const labels = reader.stringMap("labels");
  return labels === unknown ? unknown : { ...defaults.labels, ...labels };
}

function matching(reader: InputReader, name: string, form: RegExp, expected: string): Maybe<string> | undefined {
  const value = reader.string(name);
  if (typeof value === "string" && !form.test(value)) reader.fail(name, `"${value}" is not ${expected}`);
  return value;
}
