import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { formatPlatform, type Platform } from "./platform.ts";

const form = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** A tag by the distribution specification: 1 to 128 of letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`. */
export function parseTag(text: string): string {
  if (form.test(text)) return text;
  throw new CloudBuildError(
    "input-invalid",
    `"${text}" is not a tag; expected 1 to 128 letters, digits, _ . or -, beginning with none of . and -`,
  );
}

/** The tag an image of this content carries: `cb-` and the first 32 hex of the content hash. */
export function contentTag(contentHash: string): string {
  return `cb-${contentHash.slice(0, 32)}`;
}

/** The tag of one platform of an image for several: the content tag and the platform, `cb-<32 hex>-linux-arm64`. */
export function childTag(contentTag: string, platform: Platform): string {
  return `${contentTag}-${formatPlatform(platform).replaceAll("/", "-")}`;
}

export function isContentTag(tag: string): boolean {
  return /^cb-[0-9a-f]{32}$/.test(tag);
}

/** True for names that are ours to give: content tags and child tags. A program's tags are others. */
export function isReservedTag(tag: string): boolean {
  return tag.startsWith("cb-");
}
