import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { furtherPromises, promises } from "./promises.ts";

const tests = join(import.meta.dirname, "..");
const all = [...Object.values(promises).flat(), ...furtherPromises];

describe("the promises", () => {
  it("are proved by tests that exist", () => {
    const titles = readdirSync(tests, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .flatMap((name) =>
        [...readFileSync(join(tests, name), "utf8").matchAll(/\bit\(\s*(["'`])(.*?)\1,/gs)].map(([, , title = ""]) => title),
      );
    const named = all.flatMap(([, ...proofs]) => proofs);
    assert.deepEqual(
      named.filter((proof) => !titles.includes(proof)),
      [],
    );
  });

  it("have a proof each", () => {
    assert.deepEqual(
      all.filter(([, ...proofs]) => proofs.length === 0),
      [],
    );
  });
});
