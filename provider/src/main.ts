import { fstatSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import { composeImageDeps } from "./clouds.ts";
import { createGetImage, getImageToken } from "./functions/get-image.ts";
import { createImageResource, imageType } from "./resources/image/image-resource.ts";
import { checkProviderConfig, diffProviderConfig, readProviderConfig } from "./resources/provider/provider-config.ts";
import type { Provider } from "./rpc/provider.ts";
import { serve } from "./rpc/serve.ts";
import { systemClock } from "./support/clock.ts";

const { version } = packageJson;
// Pulumi starts the plugin in the program's folder; relative paths begin there, wherever anything changes to later.
const baseDir = process.cwd();
const clock = systemClock;

const provider: Provider = {
  version,
  async schema() {
    const { default: schema } = await import("../../schema.json", { with: { type: "json" } });
    return JSON.stringify({ ...schema, version });
  },
  checkConfig: checkProviderConfig,
  diffConfig: diffProviderConfig,
  configure(inputs) {
    const config = readProviderConfig(inputs);
    const deps = composeImageDeps({ config, env: process.env, userAgent: `pulumi-cloudbuild/${version}`, baseDir, clock });
    return { resources: new Map([[imageType, createImageResource(deps)]]), functions: new Map([[getImageToken, createGetImage(deps)]]) };
  },
};

// `[flags] <engine address>`; without an address somebody attaches later.
const engineAddress = process.argv.slice(2).findLast((word) => !word.startsWith("-"));
const served = await serve({ provider, clock, engineAddress });

// The engine kills a plugin 5 s after SIGINT: end the builds this process started, and be gone before.
const graceMs = 4500;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void Promise.race([served.close(), clock.sleep(graceMs)]).finally(() => process.exit(0));
  });
}

// The engine holds the other end of stdin. Gone without a word means killed: leave, and leave the builds running for the next run to adopt.
const stdin = fstatSync(0);
if (engineAddress !== undefined && (stdin.isFIFO() || stdin.isSocket())) {
  process.stdin.once("end", () => process.exit(0));
  process.stdin.resume();
}

process.stdout.write(`${served.port}\n`);
