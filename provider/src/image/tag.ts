import { CloudBuildError } from "../errors/cloudbuild-error.ts";

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
