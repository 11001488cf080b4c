import { parentPort } from "node:worker_threads";
import { createFileHasher } from "./hash-file.ts";
import { fromJob, hashRow, takeRows, type HashJob } from "./hash-rows.ts";

const hashFile = createFileHasher();

// One answer for each job, in their order.
parentPort?.on("message", (job: HashJob) => {
  const batch = fromJob(job);
  for (let { from, to } = takeRows(batch); from < to; { from, to } = takeRows(batch)) {
    for (let row = from; row < to; row += 1) {
      try {
        hashRow(job.root, batch.paths[row] ?? "", batch.table, row, hashFile);
      } catch {
        // The row stays unread: who asked reads it again, and says what is wrong.
      }
    }
  }
  parentPort?.postMessage(undefined);
});
