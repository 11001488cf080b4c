import { parentPort } from "node:worker_threads";
import { shareFileTable } from "./file-table.ts";
import { createFileHasher } from "./hash-file.ts";
import { hashRow, takeRows, type HashJob } from "./hash-rows.ts";

parentPort?.once("message", ({ root, paths, table: memory, counter: shared }: HashJob) => {
  const table = shareFileTable(memory, paths.length);
  const counter = new Int32Array(shared);
  const hashFile = createFileHasher();
  for (let { from, to } = takeRows(counter, paths.length); from < to; { from, to } = takeRows(counter, paths.length)) {
    for (let row = from; row < to; row += 1) {
      try {
        hashRow(root, paths[row] ?? "", table, row, hashFile);
      } catch {
        // The row stays unread: who asked reads it again, and says what is wrong.
      }
    }
  }
  parentPort?.postMessage(undefined);
});
