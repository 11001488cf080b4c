import { pipeline } from "node:stream/promises";
import { blobSignature } from "./ecr/blob-url.ts";
import type { ImageStore } from "./ecr/image-store.ts";
import { answer, readBody, type Exchange } from "./http/exchange.ts";
import { parseFaults, type Traffic } from "./http/traffic.ts";
import type { Json } from "./json.ts";
import type { LogStore } from "./logs/log-store.ts";

export interface ControlOptions {
  readonly traffic: Traffic;
  readonly logs: LogStore;
  readonly images: ImageStore;
  readonly password: string;
}

/** What lies below `/_cloudbuild/`: the server's own questions, for tests and people, and what presigned URLs point to. No part of any cloud. */
export function createControl({ traffic, logs, images, password }: ControlOptions) {
  return {
    async serve(exchange: Exchange): Promise<void> {
      const { request, path, url } = exchange;
      const [, , what = "", ...rest] = path.split("/").map(decodeURIComponent);
      switch (`${request.method} ${what}`) {
        case "GET calls":
          return answer(exchange, 200, { "content-type": "application/json" }, JSON.stringify(traffic.counts()));
        case "DELETE calls":
          traffic.resetCounts();
          return answer(exchange, 204, {});
        case "PUT faults":
          try {
            traffic.setFaults(parseFaults(JSON.parse((await readBody(request)).toString("utf8")) as Json));
            return answer(exchange, 204, {});
          } catch (error) {
            return answer(exchange, 400, { "content-type": "text/plain" }, `${(error as Error).message}\n`);
          }
        case "GET logs": {
          const [group = "", stream = ""] = rest;
          if (!logs.hasStream(group, stream)) break;
          const text = logs.read(group, stream).map(({ message }) => message);
          return answer(exchange, 200, { "content-type": "text/plain; charset=utf-8" }, text.join(""));
        }
        case "GET blobs": {
          const [digest = ""] = rest;
          if (url.searchParams.get("signature") !== blobSignature(password, digest)) break;
          exchange.response.writeHead(200, { "content-type": "application/octet-stream", "content-length": images.blobSize(digest) });
          return pipeline(images.openBlob(digest), exchange.response);
        }
      }
      answer(exchange, 404, { "content-type": "text/plain" }, "not found\n");
    },
  };
}
