// Bundles the plugin and the command line into provider/dist: `node tools/build.ts`.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "provider/dist");
rmSync(outdir, { recursive: true, force: true });
const { outputs } = (
  await build({
    absWorkingDir: root,
    entryPoints: {
      plugin: "provider/src/main.ts",
      cli: "provider/src/cli/main.ts",
      "hash-worker": "provider/src/context/files/hash-worker.ts",
    },
    outdir,
    bundle: true,
    // Code that only one operation needs, an AWS client above all, stays in a chunk of its own and is loaded when it is needed.
    splitting: true,
    format: "esm",
    platform: "node",
    // ES modules where a package has them: their named exports survive bundling, and what is unused does not.
    mainFields: ["module", "main"],
    target: "node22",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    sourcemap: false,
    metafile: true,
    outExtension: { ".js": ".mjs" },
    // Packages in CommonJS ask for built-in modules by require().
    banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
    logLevel: "warning",
  })
).metafile;
writeFileSync(join(outdir, "package.json"), '{ "type": "module" }\n');
const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(`provider/dist: ${Object.keys(outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB\n`);
