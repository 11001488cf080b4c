import { createHash } from "node:crypto";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";

/** An OCI content digest: `sha256:` and 64 lowercase hex. Nothing else is called a digest here. */
export type Digest = `sha256:${string}`;

const form = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return form.test(text);
}

export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new CloudBuildError("input-invalid", `"${text}" is not a digest; expected sha256: and 64 lowercase hexadecimal characters`);
}

/** The digest of a manifest is the sha256 of its bytes as the registry stores them. */
export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
