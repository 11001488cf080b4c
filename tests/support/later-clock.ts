import { systemClock, type Clock } from "../../provider/src/support/clock.ts";

/** A minute ahead: files just written are old enough to be trusted. Changes that follow must be apart by more than a tick of the system. */
export const laterClock: Clock = { ...systemClock, now: () => systemClock.now() + 60_000 };
