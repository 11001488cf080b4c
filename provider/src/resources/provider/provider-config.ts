import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { formatPlatform, parsePlatform } from "../../image/platform.ts";
import type { LogMode, OnDelete, OnMissing } from "../image/image-args.ts";
import { logsChoices, onDeleteChoices, onMissingChoices } from "../image/image-args.ts";
import type { ImageDefaults } from "../image/image-args.ts";
import { readInputs, type InputReader, type Maybe } from "../input-reader.ts";
import { isPropertyMap, unknown, unwrap, type PropertyMap, type PropertyValue } from "../property-value.ts";
import type { CheckFailure, DetailedDiff, DiffRequest } from "../resource.ts";

export interface AssumeRole {
  readonly roleArn: string;
  readonly sessionName?: string;
  readonly externalId?: string;
  /** Seconds, 900 to 43200. */
  readonly durationSeconds?: number;
}

export const serviceNames = ["codebuild", "ecr", "s3", "logs", "ssm", "sts"] as const;
export type ServiceName = (typeof serviceNames)[number];

/** The provider's configuration, parsed. What is absent comes from the usual AWS environment. */
export interface ProviderConfig {
  readonly region?: string;
  readonly profile?: string;
  readonly assumeRole?: AssumeRole;
  readonly endpoints: Readonly<Partial<Record<ServiceName, string>>>;
  /** Whether what files held is remembered on disk from run to run. */
  readonly contextCache: boolean;
  readonly image: ImageDefaults;
}

const settings = ["region", "profile", "assumeRole", "endpoints", "project", "contextBucket", "contextCache", "defaults"] as const;
// The engine's own keys travel along with ours.
const engineKeys = ["version", "pluginDownloadURL", "pluginChecksums", "envVarMappings", "parameterization"] as const;

/** Parses configuration whose unknowns are gone. Throws "configuration-invalid" with every failure in it. */
export function readProviderConfig(inputs: PropertyMap): ProviderConfig {
  const { config, failures } = parseConfig(inputs);
  if (failures.length === 0) return config;
  const text = failures.map(({ property, reason }) => `${property}: ${reason}`).join("; ");
  throw new CloudBuildError("configuration-invalid", `the configuration of the cloudbuild provider is invalid: ${text}`);
}

/** CheckConfig: all failures at once. */
export function checkProviderConfig(inputs: PropertyMap): readonly CheckFailure[] {
  return parseConfig(inputs).failures;
}

/** DiffConfig: what a new configuration does to the resources made with the old one. A repository's URL says where it is: nothing. */
export function diffProviderConfig({ oldInputs, newInputs }: Pick<DiffRequest, "oldInputs" | "newInputs">): DetailedDiff {
  const changed = settings.filter((name) => JSON.stringify(plain(oldInputs[name])) !== JSON.stringify(plain(newInputs[name])));
  return new Map(changed.map((name) => [name, "update"] as const));
}

function parseConfig(inputs: PropertyMap): { config: ProviderConfig; failures: readonly CheckFailure[] } {
  const reader = readInputs(inputs);
  reader.refuseOthers([...settings, ...engineKeys]);
  const region = settled(reader.string("region"));
  if (region !== undefined && !/^[a-z]{2}(-[a-z]+)+-\d+$/.test(region))
    reader.fail("region", `"${region}" is not a region; expected one such as eu-west-1`);
  const config = {
    ...optional("region", region),
    ...optional("profile", settled(reader.string("profile"))),
    ...optional("assumeRole", readAssumeRole(reader)),
    endpoints: readEndpoints(reader),
    contextCache: settled(reader.boolean("contextCache")) ?? true,
    image: readDefaults(reader),
  };
  return { config, failures: reader.failures };
}

function readAssumeRole(reader: InputReader): AssumeRole | undefined {
  const role = settled(reader.object("assumeRole"));
  if (role === undefined) return undefined;
  role.refuseOthers(["roleArn", "sessionName", "externalId", "durationSeconds"]);
  const roleArn = role.string("roleArn");
  if (roleArn === undefined) role.fail("roleArn", "is missing; name the role to assume");
  if (typeof roleArn === "string" && !/^arn:[a-z-]+:iam::\d{12}:role\/.+$/.test(roleArn))
    role.fail("roleArn", `"${roleArn}" is not the ARN of an IAM role`);
  const durationSeconds = settled(role.number("durationSeconds"));
  if (durationSeconds !== undefined && (durationSeconds < 900 || durationSeconds > 43_200)) {
    role.fail("durationSeconds", `${durationSeconds} is not from 900 to 43200`);
  }
  return {
    roleArn: settled(roleArn) ?? "",
    ...optional("sessionName", settled(role.string("sessionName"))),
    ...optional("externalId", settled(role.string("externalId"))),
    ...optional("durationSeconds", durationSeconds),
  };
}

function readEndpoints(reader: InputReader): ProviderConfig["endpoints"] {
  const endpoints = settled(reader.object("endpoints"));
  if (endpoints === undefined) return {};
  endpoints.refuseOthers(serviceNames);
  return Object.assign(
    {},
    ...serviceNames.map((name) => optional(name, settled(endpoints.parse(name, endpoints.string(name), parseUrl)))),
  ) as ProviderConfig["endpoints"];
}

function parseUrl(text: string): string {
  if (/^https?:\/\/[^/]+/.test(text) && URL.canParse(text)) return text;
  throw new CloudBuildError("configuration-invalid", `"${text}" is not a URL; expected http:// or https:// and a host`);
}

function readDefaults(reader: InputReader): ImageDefaults {
  const shared = {
    ...optional("project", settled(reader.string("project"))),
    ...optional("contextBucket", settled(reader.string("contextBucket"))),
  };
  const defaults = settled(reader.object("defaults"));
  if (defaults === undefined) return shared;
  defaults.refuseOthers(["platforms", "labels", "onMissing", "onDelete", "logs"]);
  const platforms = settled(defaults.strings("platforms"))?.map((text, i) =>
    settled(defaults.parse(`platforms[${i}]`, text, (value) => formatPlatform(parsePlatform(value)))),
  );
  return {
    ...shared,
    ...optional(
      "platforms",
      platforms?.filter((platform) => platform !== undefined),
    ),
    ...optional("labels", settled(defaults.stringMap("labels"))),
    ...optional<"onMissing", OnMissing>("onMissing", settled(defaults.choice("onMissing", onMissingChoices))),
    ...optional<"onDelete", OnDelete>("onDelete", settled(defaults.choice("onDelete", onDeleteChoices))),
    ...optional<"logs", LogMode>("logs", settled(defaults.choice("logs", logsChoices))),
  };
}

/** The engine does not configure a provider while anything is unknown, so here unknown is as good as absent. */
function settled<T>(value: Maybe<T> | undefined): T | undefined {
  return value === unknown ? undefined : value;
}

function optional<Name extends string, T>(name: Name, value: T | undefined): { [K in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [K in Name]?: T };
}

function plain(value: PropertyValue | undefined): unknown {
  if (value === undefined) return null;
  const inner = unwrap(value);
  if (typeof inner === "symbol") return "unknown";
  if (Array.isArray(inner)) return inner.map((item: PropertyValue) => plain(item));
  return isPropertyMap(inner) ? Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, plain(item)])) : inner;
}
