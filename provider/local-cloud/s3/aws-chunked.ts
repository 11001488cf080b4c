import { AwsError } from "../aws-error.ts";

/**
 * Takes apart the `aws-chunked` content encoding: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, ended by a chunk of size 0 and trailing
 * headers. `onTrailer` gets each of those. Source: the SigV4 streaming chapter of the S3 API reference.
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  onTrailer: (name: string, value: string) => void,
): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  const input = source[Symbol.asyncIterator]();

  async function more(): Promise<boolean> {
    const next = await input.next();
    if (next.done === true) return false;
    pending = pending.length === 0 ? next.value : Buffer.concat([pending, next.value]);
    return true;
  }

  async function line(): Promise<string | undefined> {
    let end = pending.indexOf("\r\n");
    while (end < 0) {
      if (!(await more())) return undefined;
      end = pending.indexOf("\r\n");
    }
    const text = pending.toString("latin1", 0, end);
    pending = pending.subarray(end + 2);
    return text;
  }

  for (;;) {
    const [hex = ""] = (await line())?.split(";") ?? [];
    if (!/^[0-9a-fA-F]+$/.test(hex)) throw new AwsError("InvalidChunkSizeError", "a chunk has no size");
    let left = Number.parseInt(hex, 16);
    if (left === 0) break;
    while (left > 0) {
      if (pending.length === 0 && !(await more())) throw new AwsError("IncompleteBody", "the body ended inside a chunk");
      const part = pending.subarray(0, left);
      pending = pending.subarray(part.length);
      left -= part.length;
      yield part;
    }
    if ((await line()) !== "") throw new AwsError("InvalidChunkSizeError", "a chunk is longer than its size");
  }
  for (let text = await line(); text !== undefined && text !== ""; text = await line()) {
    const colon = text.indexOf(":");
    onTrailer(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
  }
}
