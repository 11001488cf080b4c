import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../support/cloud-process.ts";

/** Bundles a program of the benchmark as the plugin is, so that Node's reading of TypeScript is not measured. Answers where it is. */
export async function bundle(program: string, outdir: string): Promise<string> {
  await build({
    entryPoints: [join(import.meta.dirname, program), join(root, "provider/src/context/files/hash-worker.ts")],
    entryNames: "[name]",
    outdir,
    bundle: true,
    // As in the plugin: an AWS client that is not used is not loaded.
    splitting: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
    outExtension: { ".js": ".mjs" },
  });
  return join(outdir, program.replace(/\.ts$/, ".mjs"));
}
