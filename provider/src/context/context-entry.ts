/** One thing in a build context. Paths are POSIX, relative, without a leading `./`; see `path-bytes.ts` for names that are not UTF-8. */
export type ContextEntry = ContextFile | ContextFolder | ContextLink;

export interface ContextFile {
  readonly kind: "file";
  readonly path: string;
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

/** A file whose content was read. */
export interface HashedFile extends ContextFile {
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
  /** Of the content, hex. */
  readonly sha256: string;
}

export type HashedEntry = HashedFile | ContextFolder | ContextLink;
