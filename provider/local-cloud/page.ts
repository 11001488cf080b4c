import { AwsError } from "./aws-error.ts";
import type { Reader } from "./json.ts";

/** The page of `size` items that `nextToken` asks for, and the token of the next one: the index of its first item. */
export function pageOf<T>(input: Reader, items: readonly T[], size: number): { shown: readonly T[]; more: { nextToken?: string } } {
  const from = Number(input.text("nextToken") ?? 0);
  if (!Number.isSafeInteger(from) || from < 0) throw new AwsError("InvalidParameterException", "Invalid parameter at 'nextToken'");
  const end = from + size;
  return { shown: items.slice(from, end), more: end < items.length ? { nextToken: String(end) } : {} };
}
