import assert from "node:assert/strict";
import type { ParametersApi } from "../../../../provider/src/backends/codebuild/parameters-api.ts";
import { createParkedSecrets } from "../../../../provider/src/backends/codebuild/parked-secrets.ts";
import { buildRequest } from "../../../support/build-request.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const { signal } = new AbortController();
const hour = 3_600_000;

/** Parameter Store in memory, two names a page. */
function parameters(clock: { now(): number }): ParametersApi & { kept: Map<string, { value: string; modifiedAt: number }> } {
  const kept = new Map<string, { value: string; modifiedAt: number }>();
  return {
    kept,
    putSecure: async (name, value) => void kept.set(name, { value, modifiedAt: clock.now() }),
    async list(path, nextToken) {
      const from = Number(nextToken ?? 0);
      const below = [...kept].filter(([name]) => name.startsWith(path)).map(([name, { modifiedAt }]) => ({ name, modifiedAt }));
      return { parameters: below.slice(from, from + 2), nextToken: from + 2 < below.length ? String(from + 2) : undefined };
    },
    async delete(names) {
      assert.ok(names.length <= 10);
      for (const name of names) kept.delete(name);
    },
  };
}

const secrets = {
  token: { store: "value", value: "hush" },
  key: { store: "value", value: "hush too" },
  kept: { store: "secretsManager", reference: "team/app" },
} as const;

describe("parked secrets", () => {
  it("are named by what is built, not by who builds it, and never by their values", async () => {
    const api = parameters(manualClock());
    const parked = createParkedSecrets({ api, clock: manualClock() });
    const [one, two] = [
      await parked.park(buildRequest({ secrets }), undefined, signal),
      await parked.park(buildRequest({ secrets }), undefined, signal),
    ];
    assert.deepEqual(one, two);
    assert.deepEqual(one.secrets["kept"], secrets.kept);
    assert.equal(JSON.stringify(one).includes("hush"), false);
    assert.equal(api.kept.size, 2);
    for (const name of api.kept.keys()) assert.match(name, /^\/cloudbuild\/cb-[0-9a-f]{32}\/[0-9a-f]{16}\/(?:token|key)$/);
  });

  it("go with their build, and only with it", async () => {
    const clock = manualClock(1e12);
    const api = parameters(clock);
    const parked = createParkedSecrets({ api, clock });
    const request = buildRequest({ secrets });
    await parked.park(request, undefined, signal);
    await parked.park(request, "builder:failed", signal);
    await parked.park({ ...request, contentTag: "cb-other" }, undefined, signal);
    await parked.release(request, undefined, signal);
    assert.equal(api.kept.size, 4);
    assert.equal([...api.kept.keys()].filter((name) => name.includes("cb-other")).length, 2);
  });

  it("that a crash left behind are swept when they are older than any build may be", async () => {
    const clock = manualClock(1e12);
    const api = parameters(clock);
    const parked = createParkedSecrets({ api, clock });
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`s${i}`, { store: "value", value: "x" } as const]));
    await parked.park(buildRequest({ contentTag: "cb-crashed", secrets: many }), undefined, signal);
    await clock.advance(47 * hour);
    await parked.release(buildRequest({ contentTag: "cb-new" }), undefined, signal);
    assert.equal(api.kept.size, 25);
    await clock.advance(2 * hour);
    await parked.release(buildRequest({ contentTag: "cb-new" }), undefined, signal);
    assert.equal(api.kept.size, 0);
  });
});
