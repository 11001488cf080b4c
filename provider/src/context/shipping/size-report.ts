import { lstatSync } from "node:fs";
import type { ContextEntry } from "../context-entry.ts";
import { absolutePath, unreadable } from "../context-path.ts";
import { describeSize } from "./describe-size.ts";
import { parseIgnoreFile } from "../files/ignore-file.ts";
import { createIgnoreMatcher } from "../files/ignore-matcher.ts";

export interface SizedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** A folder, or one large file, that explains a part of a context's size. */
export interface HeavyPart {
  /** All folders of a name, if there is more than one, are one part: then it is a pattern with two leading stars. */
  readonly path: string;
  readonly bytes: number;
  /** The line of an ignore file that leaves it out; absent where no line can say the name. */
  readonly ignoreLine?: string;
}

/** Above this many bytes a context is worth a word. */
export const largeContextBytes = 100_000_000;
// A part is worth a line from this share of the whole on.
const smallestShare = 1 / 20;
const shownParts = 6;
// Folders that tools fill. One is a part as a whole, wherever it lies and however unevenly it is filled.
const filledByTools: ReadonlySet<string> = new Set(
  ".git .gradle .m2 .next .nuxt .terraform .tox .turbo .venv .yarn __pycache__ bower_components node_modules target venv".split(" "),
);

/**
 * What makes a context heavy, heaviest first: not a folder whose weight is that of one thing in it, nor one of many things that weigh
 * together. Each part counts once.
 */
export function heaviestParts(files: readonly SizedFile[]): HeavyPart[] {
  const least = Math.max(totalOf(files) * smallestShare, 1);
  const rest: SizedFile[] = [];
  const filled = new Map<string, Place[]>();
  for (const file of files) {
    const path = filledFolder(file.path);
    if (path === undefined) rest.push(file);
    else addTo(filled, path, file.size);
  }
  return [...[...filled].map(([name, places]) => together(name, places)), ...explained(treeOf(rest), least)]
    .filter(({ bytes }) => bytes >= least)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, shownParts)
    .map(({ path, bytes, pattern }) => ({ path, bytes, ...lineFor(path, pattern) }));
}

/** The report as text: what is measured, its size, and a line for each part. */
export function describeParts(what: string, files: readonly SizedFile[]): string {
  const parts = heaviestParts(files);
  const title = `${what} is ${describeSize(totalOf(files))}`;
  if (parts.length === 0) return `${title}; nothing in it stands out`;
  return [
    `${title}; heaviest is, with the line of .dockerignore that leaves it out if the image does not need it:`,
    ...parts.map(
      ({ path, bytes, ignoreLine }) => `${describeSize(bytes).padStart(9)}  ${ignoreLine ?? `(no line can name ${JSON.stringify(path)})`}`,
    ),
  ].join("\n");
}

/** The files of a context with their sizes, for a report before anything is read. */
export function sizedFiles(root: string, entries: readonly ContextEntry[]): SizedFile[] {
  return entries
    .filter(({ kind }) => kind === "file")
    .map(({ path }) => {
      try {
        return { path, size: lstatSync(absolutePath(root, path)).size };
      } catch (error) {
        throw unreadable(path, error);
      }
    });
}

function totalOf(files: readonly SizedFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

interface Place {
  readonly path: string;
  bytes: number;
  /** True if `path` stands for all folders of its last name. */
  readonly pattern?: boolean;
}

/** The outermost folder on this path that a tool fills. */
function filledFolder(path: string): string | undefined {
  for (let from = 0, slash = path.indexOf("/"); slash >= 0; from = slash + 1, slash = path.indexOf("/", from)) {
    if (filledByTools.has(path.slice(from, slash))) return path.slice(0, slash);
  }
  return undefined;
}

function addTo(filled: Map<string, Place[]>, path: string, bytes: number): void {
  const name = nameOf(path);
  const places = filled.get(name) ?? [];
  filled.set(name, places);
  // Files come in the order of their paths, so a folder's files come together.
  const last = places.at(-1);
  if (last?.path === path) last.bytes += bytes;
  else places.push({ path, bytes });
}

function together(name: string, places: readonly Place[]): Place {
  const [only, ...others] = places;
  if (only !== undefined && others.length === 0) return only;
  return { path: `**/${name}`, bytes: places.reduce((sum, { bytes }) => sum + bytes, 0), pattern: true };
}

interface Node extends Place {
  readonly children: Map<string, Node>;
}

function treeOf(files: readonly SizedFile[]): Node {
  const root: Node = { path: "", bytes: 0, children: new Map() };
  for (const { path, size } of files) {
    let node = root;
    node.bytes += size;
    for (let at = 0; at <= path.length;) {
      const slash = path.indexOf("/", at);
      const end = slash < 0 ? path.length : slash;
      const name = path.slice(at, end);
      const child: Node = node.children.get(name) ?? { path: path.slice(0, end), bytes: 0, children: new Map() };
      node.children.set(name, child);
      child.bytes += size;
      node = child;
      at = end + 1;
    }
  }
  return root;
}

/** A folder is itself the explanation unless one thing in it has more than half of its weight. The context as a whole explains nothing. */
function explained(node: Node, least: number): Place[] {
  const heavy = [...node.children.values()].filter(({ bytes }) => bytes >= least);
  const divided = node.path === "" || heavy.some(({ bytes }) => bytes > node.bytes / 2);
  return divided ? heavy.flatMap((child) => explained(child, least)) : [node];
}

function lineFor(path: string, pattern = false): { ignoreLine?: string } {
  const ignoreLine = pattern ? path : path.replace(/[*?^[\]\\]|^[!#]/g, "\\$&").replace(/[\p{C}]|^\s|\s$/gu, "?");
  const example = pattern ? nameOf(path) : path;
  return createIgnoreMatcher(parseIgnoreFile(ignoreLine, "")).judge(example, undefined).ignored ? { ignoreLine } : {};
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
