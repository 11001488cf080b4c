import type { HashedEntry } from "../context-entry.ts";
import { encodePath } from "../path-bytes.ts";

const blockBytes = 512;
// 1980-01-01T00:00:00Z: every archive format can say it, and it is the same everywhere.
const fixedTime = 315_532_800;
const largestOctal = 0o77777777777;
const types = { file: "0", link: "2", folder: "5", extended: "x" } as const;

/**
 * The header of one entry in POSIX ustar form, preceded by a pax header where ustar cannot say it: a path or link text over its fields, a
 * file of 8 GiB or more. Modes are 0644 or 0755, the owner is 0:0, the time is fixed: equal contexts make equal archives.
 */
export function tarHeader(entry: HashedEntry): Buffer {
  const path = Buffer.concat([encodePath(entry.path), Buffer.from(entry.kind === "folder" ? "/" : "")]);
  const link = entry.kind === "link" ? encodePath(entry.text) : Buffer.alloc(0);
  const size = entry.kind === "file" ? entry.size : 0;
  const mode = entry.kind === "folder" || (entry.kind === "file" && entry.executable) ? 0o755 : entry.kind === "link" ? 0o777 : 0o644;
  const split = splitPath(path);
  const records = [
    ...(split === undefined ? [record("path", path)] : []),
    ...(link.length > 100 ? [record("linkpath", link)] : []),
    ...(size > largestOctal ? [record("size", Buffer.from(String(size)))] : []),
  ];
  const main = ustar({
    ...(split ?? { name: path.subarray(0, 100), prefix: Buffer.alloc(0) }),
    link: link.subarray(0, 100),
    mode,
    size: size > largestOctal ? 0 : size,
    type: types[entry.kind],
  });
  return records.length === 0 ? main : Buffer.concat([extended(Buffer.concat(records)), main]);
}

/** How many zero bytes follow content of this size, so that the next header begins a block. */
export function tarPadding(size: number): Buffer {
  return tarEnd.subarray(0, (blockBytes - (size % blockBytes)) % blockBytes);
}

/** Two empty blocks end an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

function extended(records: Buffer): Buffer {
  const header = ustar({
    name: Buffer.from("pax"),
    prefix: Buffer.alloc(0),
    link: Buffer.alloc(0),
    mode: 0o644,
    size: records.length,
    type: types.extended,
  });
  return Buffer.concat([header, records, tarPadding(records.length)]);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** ustar keeps up to 100 bytes of name behind up to 155 bytes of prefix, parted at a slash. */
function splitPath(path: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (path.length <= 100) return { name: path, prefix: Buffer.alloc(0) };
  for (let slash = path.indexOf(0x2f); slash > 0 && slash <= 155; slash = path.indexOf(0x2f, slash + 1)) {
    const name = path.subarray(slash + 1);
    if (name.length > 0 && name.length <= 100) return { name, prefix: path.subarray(0, slash) };
  }
  return undefined;
}

interface Fields {
  readonly name: Buffer;
  readonly prefix: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly size: number;
  readonly type: string;
}

function ustar({ name, prefix, link, mode, size, type }: Fields): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number, at: number): void =>
    void header.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  name.copy(header, 0);
  octal(mode, 7, 100);
  octal(0, 7, 108);
  octal(0, 7, 116);
  octal(size, 11, 124);
  octal(fixedTime, 11, 136);
  header.fill(" ", 148, 156);
  header.write(type, 156, "latin1");
  link.copy(header, 157);
  header.write("ustar\u000000", 257, "latin1");
  prefix.copy(header, 345);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    6,
    148,
  );
  header[154] = 0;
  return header;
}
