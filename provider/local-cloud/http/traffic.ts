import { isObject, type Json, type JsonObject } from "../json.ts";
import { AwsError } from "../aws-error.ts";

/** A failure to answer with, on purpose, in place of the real answer. */
export interface Fault {
  /** `codebuild:StartBuild`; a `*` at the end stands for anything. */
  readonly call: string;
  /** How often; absent: until the faults are replaced. */
  times?: number;
  /** From 0 to 1. Default 1. */
  readonly probability?: number;
  /** The connection is cut without an answer. */
  readonly reset?: boolean;
  /** Cut it after the call was carried out. */
  readonly afterwards?: boolean;
  /** Cut it after this many bytes of the request's body, or, if that is shorter, of the answer's. */
  readonly cutAfter?: number;
  readonly delayMs?: number;
  readonly error?: { readonly code: string; readonly message?: string; readonly status?: number };
}

export interface Traffic {
  /** Counts the call and answers the fault that applies, if one does. */
  enter(call: string): Fault | undefined;
  counts(): Readonly<Record<string, number>>;
  resetCounts(): void;
  setFaults(faults: readonly Fault[]): void;
}

export function createTraffic(): Traffic {
  const counts = new Map<string, number>();
  let faults: Fault[] = [];
  return {
    enter(call) {
      counts.set(call, (counts.get(call) ?? 0) + 1);
      const fault = faults.find((one) => applies(one, call));
      if (fault?.times !== undefined) fault.times -= 1;
      return fault;
    },
    counts: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    resetCounts: () => counts.clear(),
    setFaults(next) {
      faults = next.map((fault) => ({ ...fault }));
    },
  };
}

function applies({ call, times, probability = 1 }: Fault, made: string): boolean {
  const named = call.endsWith("*") ? made.startsWith(call.slice(0, -1)) : made === call;
  return named && (times === undefined || times > 0) && Math.random() < probability;
}

export function faultError({ error }: Fault): AwsError | undefined {
  return error === undefined ? undefined : new AwsError(error.code, error.message ?? "Injected fault", error.status ?? 400);
}

export function parseFaults(body: Json): Fault[] {
  const known = ["call", "times", "probability", "reset", "afterwards", "cutAfter", "delayMs", "error"];
  if (!Array.isArray(body)) throw new AwsError("InvalidInputException", "expected a list of faults");
  return (body as readonly Json[]).map((fault) => {
    if (!isObject(fault) || typeof fault["call"] !== "string" || Object.keys(fault).some((key) => !known.includes(key))) {
      throw new AwsError("InvalidInputException", `expected a fault with "call" and any of ${known.join(", ")}`);
    }
    return fault as JsonObject & Fault;
  });
}
