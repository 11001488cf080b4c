import type { Readable } from "node:stream";

/** What is known of an object without reading it. */
export interface ObjectFacts {
  /** As S3 says it: it changes when the bytes do. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** Where the bucket keeps versions. */
  readonly versionId?: string;
}

/** Where the cloud reads contexts from. An object is whole or absent. */
export interface ContextStore {
  readonly bucket: string;
  exists(key: string, signal: AbortSignal): Promise<boolean>;
  /** undefined: it is not there, or may not be read. */
  describe(key: string, signal: AbortSignal): Promise<ObjectFacts | undefined>;
  /** The bytes of a small object; undefined if it is not there, or may not be read. */
  get(key: string, signal: AbortSignal): Promise<Buffer | undefined>;
  /** Stores what `open` streams. If the object came to be there meanwhile, that is success. */
  put(key: string, open: () => Readable, signal: AbortSignal): Promise<void>;
}
