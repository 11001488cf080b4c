import { CloudBuildError } from "../errors/cloudbuild-error.ts";

/** A platform as Docker writes it: `os/architecture` or `os/architecture/variant`, lowercase. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const form = /^([a-z0-9_]+)\/([a-z0-9_]+)(?:\/([a-z0-9_.]+))?$/;

export function parsePlatform(text: string): Platform {
  const match = form.exec(text);
  if (!match) throw new CloudBuildError("input-invalid", `"${text}" is not a platform; expected os/architecture, such as linux/amd64`);
  const [, os = "", architecture = "", variant] = match;
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** True when an image of platform `actual` serves a request for `wanted`. arm64 and arm64/v8 are the same machine. */
export function samePlatform(wanted: Platform, actual: Platform): boolean {
  return wanted.os === actual.os && wanted.architecture === actual.architecture && variantOf(wanted) === variantOf(actual);
}

function variantOf(platform: Platform): string {
  if (platform.architecture === "arm64") return platform.variant ?? "v8";
  if (platform.architecture === "amd64") return platform.variant ?? "v1";
  return platform.variant ?? "";
}
