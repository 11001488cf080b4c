/**
 * File names are bytes, and most are UTF-8. A byte that is not is kept as a lone surrogate U+DC80 to U+DCFF (its value plus U+DC00), so that
 * every name has one string and every string goes back to the same bytes.
 */
export function decodePath(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") && !Buffer.from(text, "utf8").equals(bytes) ? decodeEach(bytes) : text;
}

export function encodePath(path: string): Buffer {
  return path.isWellFormed() ? Buffer.from(path, "utf8") : encodeEach(path);
}

/** Compares paths by their bytes, which is not how strings compare beyond the basic plane. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  if (ascii.test(a) && ascii.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(encodePath(a), encodePath(b));
}

/**
 * By path bytes, with the slash before everything else: what is in a folder comes right behind it. Makes no strings: of 50,000 paths they
 * would be the most that packing ever holds.
 */
export function compareFolderwise(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Beyond ASCII the order of bytes is not that of characters.
    if (x > 0x7f || y > 0x7f) return comparePaths(a.replaceAll("/", "\0"), b.replaceAll("/", "\0"));
    return (x === slash ? 0 : x) - (y === slash ? 0 : y);
  }
  return a.length - b.length;
}

const slash = 0x2f;

/** Sorts in place by the bytes of the paths. When all are ASCII, as most are, strings compare as their bytes do. */
export function sortByPath<T extends { readonly path: string }>(entries: T[]): T[] {
  return entries.every(({ path }) => ascii.test(path))
    ? entries.sort((a, b) => (a.path < b.path ? -1 : a.path === b.path ? 0 : 1))
    : entries.sort((a, b) => comparePaths(a.path, b.path));
}

const ascii = /^[\x00-\x7f]*$/;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeEach(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => isCharacter(bytes.subarray(at, at + count)));
    text += length === undefined ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : bytes.toString("utf8", at, at + length);
    at += length ?? 1;
  }
  return text;
}

function isCharacter(bytes: Buffer): boolean {
  try {
    return [...decoder.decode(bytes)].length === 1;
  } catch {
    return false;
  }
}

function encodeEach(path: string): Buffer {
  const parts = [...path].map((character) => {
    const code = character.charCodeAt(0);
    return character.length === 1 && code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character, "utf8");
  });
  return Buffer.concat(parts);
}
