import { catalog, type ErrorCode } from "./catalog.ts";

export interface ErrorDetails {
  /** The property path at fault, as the user wrote it (`platforms[1]`), when one property is. */
  readonly property?: string;
  /** What to do next, when it is more precise than the catalogue's hint. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The one base class of every error this provider raises on purpose. `message` says what happened, with the wrong value in quotes;
 * `hint` says what to do. Callers branch on `code`, never on text.
 */
export class CloudBuildError extends Error {
  override readonly name = "CloudBuildError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly property: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? catalog[code].hint;
    this.property = details.property;
  }

  /** The text a user reads: the message and, on a line of its own, what to do. */
  describe(): string {
    return `${this.message}\n${this.hint} [${this.code}]`;
  }
}

export function hasCode<Code extends ErrorCode>(error: unknown, ...codes: readonly Code[]): error is CloudBuildError & { code: Code } {
  return error instanceof CloudBuildError && (codes as readonly ErrorCode[]).includes(error.code);
}
