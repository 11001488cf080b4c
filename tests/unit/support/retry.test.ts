import assert from "node:assert/strict";
import { retry, type RetryOptions } from "../../../provider/src/support/retry.ts";
import { queueLimitOf, retryableErrors, retryClassOf } from "../../../provider/src/support/retryable-errors.ts";
import { manualClock, settle } from "../../support/manual-clock.ts";

function named(name: string, message = "", status?: number): Error {
  return Object.assign(new Error(message), { name, ...(status === undefined ? {} : { $metadata: { httpStatusCode: status } }) });
}

/** A call that fails with these errors, one after the other, and then answers. */
function failing(errors: readonly Error[]): { call: () => Promise<string>; made: () => number } {
  let made = 0;
  return {
    made: () => made,
    call: async () => {
      const error = errors[made];
      made += 1;
      if (error !== undefined) throw error;
      return "answer";
    },
  };
}

async function outcome(call: () => Promise<string>, options: Partial<RetryOptions> = {}, ms = 3_600_000): Promise<string> {
  const clock = manualClock();
  const result = retry(call, { clock, signal: new AbortController().signal, ...options }).then(
    (value) => value,
    (error: Error) => error.name,
  );
  for (let passed = 0; passed < ms; passed += 10_000) await clock.advance(10_000);
  return Promise.race([result, settle().then(() => "still waiting")]);
}

describe("the retry policy", () => {
  for (const [name, kind] of Object.entries(retryableErrors).filter(([, kind]) => kind === "throttle" || kind === "transient")) {
    it(`makes a call again after ${name} (${kind})`, async () => {
      const { call, made } = failing([named(name), named(name)]);
      assert.equal(await outcome(call), "answer");
      assert.equal(made(), 3);
    });
  }

  it("knows a code, a status and the cause of an error as well as its name", () => {
    assert.equal(retryClassOf(Object.assign(new Error("x"), { code: "ECONNRESET" })), "transient");
    assert.equal(retryClassOf(named("Other", "", 503)), "transient");
    assert.equal(retryClassOf(named("Other", "", 429)), "throttle");
    assert.equal(
      retryClassOf(new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) })),
      "transient",
    );
    assert.equal(
      retryClassOf(named("InvalidInputException", "CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::1:role/x")),
      "propagation",
    );
  });

  it("fails at once for a reason another try cannot mend", async () => {
    const { call, made } = failing([named("InvalidInputException", "no"), named("InvalidInputException")]);
    assert.equal(await outcome(call), "InvalidInputException");
    assert.equal(made(), 1);
    assert.equal(await outcome(failing([new TypeError("a bug")]).call), "TypeError");
  });

  it("waits for propagation only where it is asked to, and only shortly", async () => {
    const denied = named("AccessDeniedException");
    assert.equal(await outcome(failing([denied]).call), "AccessDeniedException");
    assert.equal(await outcome(failing([denied]).call, { also: ["propagation"] }), "answer");
    const forever = failing(Array.from({ length: 1000 }, () => denied));
    assert.equal(await outcome(forever.call, { also: ["propagation"] }), "AccessDeniedException");
  });

  it("waits for a full queue as long as it takes, and not at all for a machine that is not to be had", async () => {
    const full = named("AccountLimitExceededException", "Cannot have more than 5 builds in queue for the account");
    const never = named("AccountLimitExceededException", "Cannot have more than 0 builds in queue for the account");
    assert.equal(queueLimitOf(full), 5);
    assert.equal(await outcome(failing(Array.from({ length: 30 }, () => full)).call, { also: ["capacity"] }), "answer");
    assert.equal(await outcome(failing([never]).call, { also: ["capacity"] }), "AccountLimitExceededException");
  });

  it("gives a network that stays away up after two minutes", async () => {
    const { call } = failing(Array.from({ length: 1000 }, () => named("ECONNREFUSED")));
    assert.equal(await outcome(call), "ECONNREFUSED");
  });

  it("throws the signal's own reason, also while it waits", async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const result = retry(failing([named("Throttling")]).call, { clock, signal: controller.signal });
    result.catch(() => undefined);
    await settle();
    controller.abort(new Error("the user said stop"));
    await assert.rejects(result, /the user said stop/);
  });

  it("waits longer from try to try, never over its limit, and says why", async () => {
    const waits: number[] = [];
    const { call } = failing(Array.from({ length: 40 }, () => named("ThrottlingException")));
    assert.equal(await outcome(call, { onWait: ({ because, ms }) => (assert.equal(because, "throttle"), waits.push(ms)) }), "answer");
    assert.equal(waits.length, 40);
    assert.ok(Math.max(...waits) <= 20_000);
    assert.ok(waits.slice(10).reduce((a, b) => a + b) / 30 > 3000, "later waits are long");
  });
});
