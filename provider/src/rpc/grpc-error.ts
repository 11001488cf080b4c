import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import pulumiPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import type { ErrorCode } from "../errors/catalog.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { PartialStateError } from "../resources/resource.ts";
import { encodeProperties } from "./value-codec.ts";

/**
 * The engine treats Unknown, Internal and DataLoss as "the resource may be corrupt"; every code here says that we know what happened.
 * Only a bug of ours is Internal.
 */
const grpcCodes = {
  "configuration-invalid": status.INVALID_ARGUMENT,
  "input-invalid": status.INVALID_ARGUMENT,
  "context-unreadable": status.INVALID_ARGUMENT,
  "context-changed": status.ABORTED,
  "context-unassembled": status.UNAVAILABLE,
  "ignore-pattern-malformed": status.INVALID_ARGUMENT,
  "dockerfile-missing": status.INVALID_ARGUMENT,
  "dockerfile-invalid": status.INVALID_ARGUMENT,
  "target-unknown": status.INVALID_ARGUMENT,
  "bucket-missing": status.NOT_FOUND,
  "project-missing": status.NOT_FOUND,
  "repository-missing": status.NOT_FOUND,
  "access-denied": status.PERMISSION_DENIED,
  "credentials-unusable": status.UNAUTHENTICATED,
  "quota-exceeded": status.RESOURCE_EXHAUSTED,
  "cloud-unavailable": status.UNAVAILABLE,
  "build-failed": status.FAILED_PRECONDITION,
  "build-faulted": status.UNAVAILABLE,
  "build-timed-out": status.DEADLINE_EXCEEDED,
  "build-stopped": status.ABORTED,
  "build-lost": status.UNAVAILABLE,
  "build-not-stopped": status.ABORTED,
  "image-missing": status.FAILED_PRECONDITION,
  "image-archived": status.FAILED_PRECONDITION,
  "image-unconfirmed": status.FAILED_PRECONDITION,
  "tag-immutable": status.FAILED_PRECONDITION,
  "state-newer": status.FAILED_PRECONDITION,
  cancelled: status.CANCELLED,
  "deadline-exceeded": status.DEADLINE_EXCEEDED,
  internal: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>;

/** What the engine gets for anything a handler throws. */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof PartialStateError) return withDetail(toServiceError(error.cause), error);
  const known = error instanceof CloudBuildError ? error : unexpected(error);
  return serviceError(grpcCodes[known.code], known.describe());
}

function unexpected(error: unknown): CloudBuildError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CloudBuildError("internal", `the cloudbuild provider failed unexpectedly: ${text}`, { cause: error });
}

/** The engine keeps id and state of a resource whose error carries ErrorResourceInitFailed, and tries to update it the next time. */
function withDetail(error: ServiceError, partial: PartialStateError): ServiceError {
  const detail = new pulumiPb.ErrorResourceInitFailed();
  detail.setId(partial.id);
  detail.setProperties(encodeProperties(partial.state));
  detail.setReasonsList([error.details]);
  const packed = new any.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const message = new statusPb.Status();
  message.setCode(error.code);
  message.setMessage(error.details);
  message.addDetails(packed);
  error.metadata.add("grpc-status-details-bin", Buffer.from(message.serializeBinary()));
  return error;
}

function serviceError(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}
