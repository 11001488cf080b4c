import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/** A running checksum; `digest` is base64, as the headers carry it. */
interface Running {
  update(chunk: Buffer): void;
  digest(): string;
}

const algorithms: Readonly<Record<string, () => Running>> = {
  crc32: () => running32((chunk, value) => crc32(chunk, value)),
  crc32c: () => running32(crc32c),
  sha1: () => hashed("sha1"),
  sha256: () => hashed("sha256"),
};

/** The checksum that headers of this form name: `x-amz-checksum-crc32` → crc32. undefined: one the local cloud does not know. */
export function checksumFor(headerName: string): Running | undefined {
  return algorithms[headerName.replace(/^x-amz-checksum-/, "")]?.();
}

function hashed(name: string): Running {
  const hash = createHash(name);
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest("base64") };
}

function running32(step: (chunk: Buffer, value: number) => number): Running {
  let value = 0;
  return {
    update(chunk) {
      value = step(chunk, value);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value >>> 0);
      return bytes.toString("base64");
    },
  };
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** Castagnoli's polynomial. */
function crc32c(chunk: Buffer, before: number): number {
  let value = ~before;
  for (const byte of chunk) value = (table[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return ~value >>> 0;
}
