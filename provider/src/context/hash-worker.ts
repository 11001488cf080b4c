import { parentPort } from "node:worker_threads";
import { createFileHasher, type FileFacts } from "./hash-file.ts";

/** One answer for each path of a batch: what the file holds, or why that cannot be said. */
export type HashAnswer = FileFacts | { readonly changed: true } | { readonly code: string };

const hashFile = createFileHasher();

parentPort?.on("message", (paths: readonly (string | Uint8Array)[]) => parentPort?.postMessage(paths.map(answer)));

function answer(path: string | Uint8Array): HashAnswer {
  try {
    return hashFile(path) ?? { changed: true };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
  }
}
