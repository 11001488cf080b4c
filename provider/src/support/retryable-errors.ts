/**
 * Why a call may succeed if it is made again.
 *
 * - `throttle`: too many calls; wait and go on, however long it takes.
 * - `transient`: the network or the service had a bad moment.
 * - `propagation`: a role or policy that was just made is not known everywhere yet; worth waiting for only shortly.
 * - `capacity`: the account's queue is full; worth waiting for only where a build is to be started.
 */
export type RetryClass = "throttle" | "transient" | "propagation" | "capacity";

/** Error names by class. Sources: the SDK's own list of throttling errors, the CodeBuild and ECR API models, Node's system errors. */
export const retryableErrors: Readonly<Record<string, RetryClass>> = {
  BandwidthLimitExceeded: "throttle",
  EC2ThrottledException: "throttle",
  LimitExceededException: "throttle",
  PriorRequestNotComplete: "throttle",
  ProvisionedThroughputExceededException: "throttle",
  RequestLimitExceeded: "throttle",
  RequestThrottled: "throttle",
  RequestThrottledException: "throttle",
  SlowDown: "throttle",
  ThrottledException: "throttle",
  Throttling: "throttle",
  ThrottlingException: "throttle",
  TooManyRequestsException: "throttle",
  TransactionInProgressException: "throttle",
  ConditionalRequestConflict: "transient",
  InternalError: "transient",
  InternalFailure: "transient",
  InternalServerError: "transient",
  InternalServiceError: "transient",
  KmsThrottlingException: "throttle",
  RequestTimeout: "transient",
  RequestTimeoutException: "transient",
  ServerException: "transient",
  ServiceUnavailable: "transient",
  ServiceUnavailableException: "transient",
  TimeoutError: "transient",
  EAI_AGAIN: "transient",
  ECONNABORTED: "transient",
  ECONNREFUSED: "transient",
  ECONNRESET: "transient",
  EPIPE: "transient",
  ETIMEDOUT: "transient",
  ERR_HTTP2_STREAM_CANCEL: "transient",
  UND_ERR_SOCKET: "transient",
  AccessDeniedException: "propagation",
  AccountLimitExceededException: "capacity",
};

/** The class of an error by its name, its code or its HTTP status; undefined when making the call again is no use. */
export function retryClassOf(error: unknown): RetryClass | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    const { name, code, status } = identifiersOf(at);
    const found = retryableErrors[name] ?? retryableErrors[code];
    if (found !== undefined) return found;
    if (status === 429) return "throttle";
    if (status !== undefined && status >= 500 && status !== 501) return "transient";
    if (name === "InvalidInputException" && notAuthorizedYet.test(at.message)) return "propagation";
  }
  return undefined;
}

// CodeBuild has no name of its own for "I cannot assume the role yet", which it says for some seconds after the role was made.
const notAuthorizedYet = /^CodeBuild is not authorized to perform: sts:AssumeRole/;

/** CodeBuild says only in words how long the account's queue is: 0 means that this machine is not to be had at all. */
export function queueLimitOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || error.name !== "AccountLimitExceededException") return undefined;
  const limit = /Cannot have more than (\d+) builds? in queue/.exec(error.message)?.[1];
  return limit === undefined ? undefined : Number(limit);
}

function identifiersOf(error: Error): { name: string; code: string; status: number | undefined } {
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  return { name: error.name, code: typeof code === "string" ? code : "", status: typeof status === "number" ? status : undefined };
}
