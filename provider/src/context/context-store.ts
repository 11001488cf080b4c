import type { Readable } from "node:stream";

/** Where the cloud reads contexts from. An object is whole or absent. */
export interface ContextStore {
  readonly bucket: string;
  exists(key: string, signal: AbortSignal): Promise<boolean>;
  /** The bytes of a small object; undefined if it is not there, or may not be read. */
  get(key: string, signal: AbortSignal): Promise<Buffer | undefined>;
  /** Stores what `open` streams. If the object came to be there meanwhile, that is success. */
  put(key: string, open: () => Readable, signal: AbortSignal): Promise<void>;
}
