import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promises } from "./promises.ts";

const tests = join(import.meta.dirname, "..");

describe("the promises", () => {
  it("are each proved by a test that exists", () => {
    const titles = readdirSync(tests, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .flatMap((name) =>
        [...readFileSync(join(tests, name), "utf8").matchAll(/\bit\(\s*(["'`])(.*?)\1,/gs)].map(([, , title = ""]) => title),
      );
    const unproved = promises.flatMap(([, , proofs]) => proofs).filter((proof) => !titles.includes(proof));
    assert.deepEqual(unproved, []);
    assert.ok(promises.every(([, , proofs]) => proofs.length > 0));
  });
});
