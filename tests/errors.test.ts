import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { catalog } from "../provider/src/errors/catalog.ts";

const here = import.meta.dirname;

describe("the error catalogue", () => {
  it("has every code produced by a test", () => {
    const texts = readdirSync(here, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts") && name !== "errors.test.ts")
      .map((name) => readFileSync(join(here, name), "utf8"))
      .join("\n");
    const silent = Object.keys(catalog).filter(
      (code) => !texts.includes(`"${code}"`) && !texts.includes(`${code}"`) && !texts.includes(`[${code}]`),
    );
    assert.deepEqual(silent, []);
  });

  it("has a title and a hint for every code, and no code that is raised nowhere", () => {
    const source = join(here, "../provider/src");
    const raised = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && name !== "errors/catalog.ts" && name !== "rpc/grpc-error.ts")
      .map((name) => readFileSync(join(source, name), "utf8"))
      .join("\n");
    for (const [code, { title, hint }] of Object.entries(catalog)) {
      assert.ok(title.length > 10 && hint.length > 10, code);
      assert.ok(raised.includes(`"${code}"`), `${code} is raised nowhere`);
    }
  });
});
