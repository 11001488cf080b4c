import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";

/** What may lie at a path of a random tree. */
export type Thing =
  | { readonly kind: "file"; readonly content: string; readonly executable: boolean }
  | { readonly kind: "folder" }
  | { readonly kind: "link"; readonly text: string };

/** A tree as path segments, which are bytes written as Latin-1, and what lies there. Later entries replace earlier ones that are in their way. */
export type Planned = readonly (readonly [path: readonly string[], thing: Thing])[];

// Few plain names, so that edits meet each other, and every kind of name that a shell or a list could get wrong.
const names = [
  "a", "b", "d", "tree", "removed", "-rf", "--", "a b", "new\nline", "\n", "it's", 'say "x"', "$(id)", "`id`", "back\\slash", "\\", "*", "?", "[a]",
  "!a", "#a", "~", ".hidden", "a-", "a0", "\xff\xfe", "\xc3\xbc", "tab\t", " lead", "trail ", "\r", "\x01", "x".repeat(120),
]; // prettier-ignore

const name = fc.constantFrom(...names);
const thing: fc.Arbitrary<Thing> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("file" as const), content: fc.constantFrom("", "1", "2", "3\n"), executable: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("folder" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("link" as const), text: fc.constantFrom("a", "/etc", "..", "gone\n", "\xff", "d//x", "y".repeat(140)) }) },
); // prettier-ignore

/** A tree of up to a few dozen entries, up to four folders deep. */
export const plannedTree: fc.Arbitrary<Planned> = fc.array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 4 }), thing), {
  maxLength: 25,
});

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const at = (root: string, path: readonly string[]): Buffer => bytes([root, ...path].join("/"));

/** Makes what is planned, over what is there. */
export function carryOut(root: string, planned: Planned): void {
  for (const [path, what] of planned) {
    for (let length = 1; length < path.length; length += 1) makeFolder(at(root, path.slice(0, length)));
    const target = at(root, path);
    if (what.kind === "folder") makeFolder(target);
    else {
      rmSync(target, { recursive: true, force: true });
      if (what.kind === "link") symlinkSync(bytes(what.text), target);
      else {
        writeFileSync(target, what.content);
        chmodSync(target, what.executable ? 0o755 : 0o644);
      }
    }
  }
}

/** Takes away every entry at the top of which `goes` says so. */
export function thinOut(root: string, goes: (index: number) => boolean): void {
  readdirSync(bytes(root), { encoding: "buffer" })
    .sort((a, b) => Buffer.compare(a, b))
    .forEach((child, i) => goes(i) && rmSync(Buffer.concat([bytes(`${root}/`), child]), { recursive: true }));
}

function makeFolder(path: Buffer): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isDirectory()) rmSync(path);
  mkdirSync(path, { recursive: true });
}

/** Every entry below a folder, as lines: kind, mode, time, path, and content or link text. */
export function listTree(root: string): string[] {
  const lines: string[] = [];
  const visit = (folder: Buffer, prefix: string): void => {
    for (const child of readdirSync(folder, { encoding: "buffer" })) {
      const absolute = Buffer.concat([folder, Buffer.from("/"), child]);
      const path = `${prefix}${child.toString("latin1")}`;
      const stats = lstatSync(absolute);
      const facts = `${(stats.mode & 0o7777).toString(8)} ${stats.mtimeMs / 1000} ${JSON.stringify(path)}`;
      if (stats.isDirectory()) {
        lines.push(`folder ${facts}`);
        visit(absolute, `${path}/`);
      } else if (stats.isSymbolicLink()) lines.push(`link ${facts} ${readlinkSync(absolute, { encoding: "buffer" }).toString("hex")}`);
      else lines.push(`file ${facts} ${readFileSync(absolute).toString("hex")}`);
    }
  };
  visit(bytes(root), "");
  return lines.sort();
}
