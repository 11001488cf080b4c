/** What a manifest refers to; empty for what is not JSON. */
export interface ManifestContent {
  readonly mediaType?: string;
  readonly config?: { readonly digest: string; readonly size: number };
  readonly layers?: readonly { readonly digest: string; readonly size: number }[];
  readonly manifests?: readonly { readonly digest: string }[];
}

export const indexMediaTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);

export function parseManifest(bytes: Buffer): ManifestContent | undefined {
  try {
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of everything a single image refers to. */
export function imageSize(content: ManifestContent | undefined): number {
  return [content?.config, ...(content?.layers ?? [])].reduce((sum, part) => sum + (part?.size ?? 0), 0);
}
