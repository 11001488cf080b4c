import assert from "node:assert/strict";
import { CloudBuildError, hasCode } from "../../../provider/src/errors/cloudbuild-error.ts";
import { digestOf } from "../../../provider/src/image/digest.ts";
import type { FoundImage } from "../../../provider/src/registry/image-registry.ts";
import { createLocator, type Listing, type Locator } from "../../../provider/src/registry/locate-images.ts";
import { manualClock, type ManualClock } from "../../support/manual-clock.ts";
import { recordedOperation } from "../../support/operation.ts";

const windowMs = 20;

interface World {
  readonly clock: ManualClock;
  readonly locator: Locator;
  /** Tag → manifest: what the registry holds. */
  readonly tags: Map<string, string>;
  /** What was asked of the registry, in order. */
  readonly calls: string[];
  complete: boolean;
  listed: boolean;
  failing: CloudBuildError | undefined;
}

function startWorld(): World {
  const clock = manualClock();
  const imageOf = (manifest: string): FoundImage => ({ digest: digestOf(manifest), mediaType: "image", manifest });
  const world: World = {
    clock,
    tags: new Map(Array.from({ length: 10 }, (_, i) => [`t${i}`, `manifest ${i}`])),
    calls: [],
    complete: true,
    listed: true,
    failing: undefined,
    locator: createLocator({
      clock,
      maxIds: 100,
      windowMs,
      async lookUp(references) {
        world.calls.push(`look up ${references.join(" ")}`);
        if (world.failing !== undefined) throw world.failing;
        return new Map(references.flatMap((tag) => (world.tags.has(tag) ? [[tag, imageOf(world.tags.get(tag) ?? "")] as const] : [])));
      },
      async list(): Promise<Listing> {
        world.calls.push("list");
        if (!world.listed) return { images: new Map(), complete: false };
        return { images: new Map([...world.tags].map(([tag, manifest]) => [tag, imageOf(manifest)])), complete: world.complete };
      },
    }),
  };
  return world;
}

/** Asks as one wave of the engine does: a resource for each tag. */
async function wave({ clock, locator }: World, ...tags: string[]): Promise<(string | undefined)[]> {
  const asked = Promise.all(tags.map((tag) => locator.locate(tag, recordedOperation(`urn of ${tag}`))));
  asked.catch(() => undefined);
  await clock.advance(3 * windowMs);
  return (await asked).map((image) => image?.digest);
}

const four = ["t0", "t1", "t2", "t3"];
const digestsOf = (...numbers: readonly number[]) => numbers.map((i) => digestOf(`manifest ${i}`));

describe("locating the images of many resources", () => {
  it("looks up what four ask for, lists when a fifth comes, and asks nothing for those after it", async () => {
    const world = startWorld();
    assert.deepEqual(await wave(world, ...four), digestsOf(0, 1, 2, 3));
    assert.deepEqual(await wave(world, "t4", "nowhere"), [...digestsOf(4), undefined]);
    assert.deepEqual(await wave(world, "t5", "elsewhere"), [...digestsOf(5), undefined]);
    assert.deepEqual(await wave(world, "t6"), digestsOf(6));
    assert.deepEqual(world.calls, ["look up t0 t1 t2 t3", "list"]);
  });

  it("lists nothing for few, however often they ask", async () => {
    const world = startWorld();
    for (const tag of ["t0", "t1", "t0", "t1"]) await wave(world, tag);
    assert.deepEqual(world.calls, ["look up t0", "look up t1", "look up t0", "look up t1"]);
  });

  it("lists at once where many ask together, and once for waves that overlap", async () => {
    const world = startWorld();
    const found = await wave(world, ...Array.from({ length: 300 }, (_, i) => `t${i}`));
    assert.equal(found.filter((digest) => digest !== undefined).length, 10);
    assert.deepEqual(world.calls, ["list"]);
  });

  it("answers at once what it knows, also that something is not there", async () => {
    const world = startWorld();
    await wave(world, ...four, "t4");
    for (const [tag, digest] of [
      ["t5", digestOf("manifest 5")],
      ["nowhere", undefined],
    ] as const) {
      // No time passes.
      assert.equal((await world.locator.locate(tag, recordedOperation(`urn of ${tag}`)))?.digest, digest);
    }
  });

  it("begins anew for who asks again, so that an answer never comes twice", async () => {
    const world = startWorld();
    await wave(world, ...four, "t4");
    world.tags.set("t2", "moved");
    world.tags.delete("t1");
    assert.deepEqual(await wave(world, "t2"), [digestOf("moved")]);
    assert.deepEqual(await wave(world, "t1"), [undefined]);
    assert.deepEqual(world.calls, ["list", "look up t2", "look up t1"]);
  });

  it("begins anew after ten seconds, and after a change", async () => {
    const world = startWorld();
    await wave(world, ...four, "t4");
    world.tags.set("t5", "moved");
    world.locator.forget();
    assert.deepEqual(await wave(world, "t5"), [digestOf("moved")]);
    await wave(world, ...four, "t4");
    world.tags.set("t6", "moved, too");
    await world.clock.advance(10_001);
    assert.deepEqual(await wave(world, "t6"), [digestOf("moved, too")]);
    assert.deepEqual(world.calls, ["list", "look up t5", "list", "look up t6"]);
  });

  it("looks up what a listing of one page leaves open", async () => {
    const world = startWorld();
    world.complete = false;
    assert.deepEqual(await wave(world, ...four, "nowhere"), [...digestsOf(0, 1, 2, 3), undefined]);
    assert.deepEqual(await wave(world, "elsewhere", "t4"), [undefined, ...digestsOf(4)]);
    assert.deepEqual(world.calls, ["list", "look up nowhere", "look up elsewhere"]);
  });

  it("looks everything up where nothing can be listed", async () => {
    const world = startWorld();
    world.listed = false;
    assert.deepEqual(await wave(world, ...four, "t4"), digestsOf(0, 1, 2, 3, 4));
    assert.deepEqual(await wave(world, "t5"), digestsOf(5));
    assert.deepEqual(world.calls, ["list", "look up t0 t1 t2 t3 t4", "look up t5"]);
  });

  it("fails whoever asked when a lookup fails, and nobody else", async () => {
    const world = startWorld();
    world.failing = new CloudBuildError("cloud-unavailable", "no");
    await assert.rejects(wave(world, "t0"), (error) => hasCode(error, "cloud-unavailable"));
    world.failing = undefined;
    assert.deepEqual(await wave(world, "t1"), digestsOf(1));
  });
});
