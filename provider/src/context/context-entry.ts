/** One thing in a build context. Paths are POSIX, relative, without a leading `./`; see `path-bytes.ts` for names that are not UTF-8. */
export type ContextEntry = ContextFile | ContextFolder | ContextLink;

export interface ContextFile {
  readonly kind: "file";
  readonly path: string;
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
}

export interface ContextFolder {
  readonly kind: "folder";
  readonly path: string;
}

export interface ContextLink {
  readonly kind: "link";
  readonly path: string;
  /** What the link says, never followed. */
  readonly text: string;
}

/** An entry whose content was read: files carry the sha256 of theirs, hex. */
export type HashedEntry = (ContextFile & { readonly sha256: string }) | ContextFolder | ContextLink;
