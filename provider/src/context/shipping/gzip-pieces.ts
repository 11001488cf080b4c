import { promisify } from "node:util";
import { crc32, deflateRaw, gzip } from "node:zlib";
import { breathe } from "../breathe.ts";

// Smaller pieces leave less garbage between two collections, larger ones compress a little better.
const pieceBytes = 512 << 10;
// As many as libuv's pool has threads, and one for which is waited. This bounds the memory.
const atOnce = 5;
// Measured (docs/adr/0008): half the time of level 6 for 5 % more bytes.
const level = 4;
const sampleBytes = 4 << 10;
const samples = 4;
// What shrinks by less than a tenth is not worth the time: a tar of small compressed files shrinks by its headers alone.
const worthwhile = 0.9;
// A small state for a small task: the usual one takes longer to clear than a sample to compress.
const sampling = { level: 1, memLevel: 4, windowBits: 12 };
// All that a piece can come to, so that zlib answers with one buffer.
const outputBytes = pieceBytes + (16 << 10);

const gzipped = promisify<Buffer, object, Buffer>(gzip);
const deflated = promisify<Buffer, object, Buffer>(deflateRaw);

/**
 * Compresses a stream on all threads of libuv's pool: it is cut into pieces, each a gzip member of its own, and members in a row
 * are one valid gzip file. What does not shrink is stored as it is. The bytes depend on the content alone, not on timing or cores. Nothing is
 * left under way when the generator is over, however it ends. A chunk is copied before the next one is asked for.
 */
export async function* gzipPieces(chunks: Iterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const underWay: Promise<Buffer>[] = [];
  // Buffers go round: left to the garbage collector, they would be a hundred megabytes before it comes.
  const free: Buffer[] = [];
  const take = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
  try {
    for await (const { buffer, filled } of inPieces(chunks, take, signal)) {
      signal.throwIfAborted();
      const member = gzipPiece(buffer.subarray(0, filled)).finally(() => free.push(buffer));
      // Whoever waits for it may come later than its failure.
      member.catch(() => undefined);
      underWay.push(member);
      if (underWay.length < atOnce) continue;
      yield await (underWay.shift() as Promise<Buffer>);
    }
    for (let member = underWay.shift(); member !== undefined; member = underWay.shift()) yield await member;
  } finally {
    await Promise.allSettled(underWay);
  }
}

interface Piece {
  readonly buffer: Buffer;
  readonly filled: number;
}

/** Cut at the same places whatever the chunks are, so that equal streams make equal pieces. */
async function* inPieces(chunks: Iterable<Buffer>, take: () => Buffer, signal: AbortSignal): AsyncGenerator<Piece> {
  const pause = breathe(signal);
  let buffer = take();
  let filled = 0;
  for (const chunk of chunks) {
    const waiting = pause();
    if (waiting !== undefined) await waiting;
    for (let at = 0; at < chunk.length;) {
      const copied = chunk.copy(buffer, filled, at);
      at += copied;
      filled += copied;
      if (filled < pieceBytes) continue;
      yield { buffer, filled };
      buffer = take();
      filled = 0;
    }
  }
  if (filled > 0) yield { buffer, filled };
}

async function gzipPiece(piece: Buffer): Promise<Buffer> {
  if (!(await shrinks(piece))) return storedMember(piece);
  const member = await gzipped(piece, { level, chunkSize: outputBytes });
  // An answer keeps the whole buffer that it lies in, and an upload collects thousands of them. Detached, it is free at once.
  const copy = Buffer.copyBytesFrom(member);
  if (member.buffer instanceof ArrayBuffer && member.buffer.byteLength === outputBytes) member.buffer.transfer(0);
  return copy;
}

async function shrinks(piece: Buffer): Promise<boolean> {
  if (piece.length < 2 * samples * sampleBytes) return true;
  const starts = Array.from({ length: samples }, (_, i) => Math.floor((piece.length * i) / samples));
  const sample = Buffer.concat(starts.map((start) => piece.subarray(start, start + sampleBytes)));
  return (await deflated(sample, sampling)).length < sample.length * worthwhile;
}

const memberHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
const largestBlock = 0xffff;

/** A gzip member that holds a piece as it is (RFC 1952, and stored blocks of RFC 1951), in one buffer and without zlib's. */
function storedMember(piece: Buffer): Buffer {
  const blocks = Math.max(1, Math.ceil(piece.length / largestBlock));
  const member = Buffer.allocUnsafeSlow(memberHeader.length + 5 * blocks + piece.length + 8);
  let at = memberHeader.copy(member);
  for (let block = 0; block < blocks; block += 1) {
    const from = block * largestBlock;
    const length = Math.min(largestBlock, piece.length - from);
    at = member.writeUInt8(block === blocks - 1 ? 1 : 0, at);
    at = member.writeUInt16LE(length, at);
    at = member.writeUInt16LE(~length & 0xffff, at);
    at += piece.copy(member, at, from, from + length);
  }
  at = member.writeUInt32LE(crc32(piece), at);
  member.writeUInt32LE(piece.length, at);
  return member;
}
