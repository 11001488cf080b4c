import type { IncomingMessage, ServerResponse } from "node:http";
import { finished } from "node:stream/promises";

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The path as it came, percent-encoded. */
  readonly path: string;
}

/** What fits in memory: API calls and manifests are small; blobs and objects are streamed instead. */
const largestBody = 16 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw new Error("the request body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function answer(
  { response }: Pick<Exchange, "response">,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body?: string | Buffer,
): void {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  response.writeHead(status, { ...headers, ...(bytes === undefined ? {} : { "content-length": bytes.length }) });
  response.end(response.req.method === "HEAD" ? undefined : bytes);
}

/** Reads away what a client still sends, so that the connection can be used again. */
export async function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  request.resume();
  await finished(request).catch(() => undefined);
}
