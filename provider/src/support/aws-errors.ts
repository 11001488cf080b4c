import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { retryClassOf } from "./retryable-errors.ts";

const credentialErrors: ReadonlySet<string> = new Set([
  "CredentialsProviderError",
  "TokenProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "ExpiredTokenIdentityException",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "RequestExpired",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

const deniedErrors: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthorizationHeaderMalformed",
  "Forbidden",
  "UnauthorizedAccess",
]);

/**
 * What any AWS service may answer, in our words. Errors that only one service knows are the caller's to tell first.
 *
 * @param call what was asked, as IAM names it: `codebuild:StartBuild on project "x"`
 */
export function awsError(error: unknown, call: string): CloudBuildError {
  if (error instanceof CloudBuildError) return error;
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const said = `${call}: ${[name, message].filter((part) => part !== "" && part !== "Error").join(": ")}`;
  if (credentialErrors.has(name)) return new CloudBuildError("credentials-unusable", said, { cause: error });
  if (deniedErrors.has(name) || statusOf(error) === 403) return new CloudBuildError("access-denied", said, { cause: error });
  if (retryClassOf(error) !== undefined || statusOf(error) !== undefined)
    return new CloudBuildError("cloud-unavailable", said, { cause: error });
  return new CloudBuildError("internal", said, { cause: error });
}

export function isNamed(error: unknown, ...names: readonly string[]): error is Error {
  return error instanceof Error && names.includes(error.name);
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}
