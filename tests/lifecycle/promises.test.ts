import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { awaited, furtherPromises, promises } from "./promises.ts";

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

  it("have a proof each, but for those that are awaited", () => {
    const unproved = all.filter(([, ...proofs]) => proofs.length === 0).map(([sentence]) => sentence);
    const gaps = unproved.filter((sentence) => !awaited.some((beginning) => sentence.startsWith(beginning)));
    assert.deepEqual(gaps, []);
    assert.equal(unproved.length, awaited.length, "what is proved by now is awaited no longer");
  });
});
