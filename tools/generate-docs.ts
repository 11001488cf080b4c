// Writes docs/errors.md from the error catalogue: `node tools/generate-docs.ts OUT`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { catalog, type Actor } from "../provider/src/errors/catalog.ts";

const [, , out = "docs"] = process.argv;

const actors = {
  program: "you: the program, its inputs or its files",
  account: "who administers the AWS account",
  cloud: "nobody: run again",
  us: "the authors of this provider",
} as const satisfies Record<Actor, string>;

const rows = Object.entries(catalog).map(([code, { title, hint, actor }]) => `| \`${code}\` | ${title} | ${hint} | ${actors[actor]} |`);
writeFileSync(
  join(out, "errors.md"),
  [
    "# Errors",
    "",
    "Every error of the provider ends with its code in brackets, as in `[build-failed]`. The text before it names what was wrong in quotes.",
    "Generated from `provider/src/errors/catalog.ts` by `make docs`.",
    "",
    "| code | what happened | what to do | who must act |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n"),
);
