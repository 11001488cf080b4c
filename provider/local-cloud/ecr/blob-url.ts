import { createHash } from "node:crypto";

/** A presigned URL needs no other credentials: the server's password stands for the signing key. */
export function blobUrl(endpoint: string, password: string, digest: string): string {
  const url = new URL(`${endpoint}/_cloudbuild/blobs/${digest}`);
  url.searchParams.set("signature", blobSignature(password, digest));
  return url.href;
}

export function blobSignature(password: string, digest: string): string {
  return createHash("sha256").update(`${password} ${digest}`).digest("hex");
}
