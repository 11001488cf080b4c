import type { Readable } from "node:stream";

/** What tells one version of an object from another. */
export interface ObjectFacts {
  /** Bytes. */
  readonly size: number;
  /** As the store spells it. */
  readonly etag: string;
  /** Where the bucket keeps versions. */
  readonly versionId?: string;
}

/** Where the cloud reads contexts from. An object is whole or absent. */
export interface ContextStore {
  readonly bucket: string;
  /** undefined if the object is not there, or may not be read. */
  stat(key: string, signal: AbortSignal): Promise<ObjectFacts | undefined>;
  /** The bytes of a small object; undefined if it is not there, or may not be read. */
  get(key: string, signal: AbortSignal): Promise<Buffer | undefined>;
  /** Stores what `open` streams. If the object came to be there meanwhile, that is success. */
  put(key: string, open: () => Readable, signal: AbortSignal): Promise<void>;
  /** The same for what is large: of several processes that store it at once, one does, and the others wait for it. */
  putInTurn(key: string, open: () => Readable, signal: AbortSignal): Promise<void>;
  /** Stores a small object in place of what may be there. */
  replace(key: string, bytes: Buffer, signal: AbortSignal): Promise<void>;
}
