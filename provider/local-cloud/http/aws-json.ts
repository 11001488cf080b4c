import { randomUUID } from "node:crypto";
import { AwsError } from "../aws-error.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { answer, readBody, type Exchange } from "./exchange.ts";

/** One service that speaks AWS JSON 1.1. */
export interface JsonService {
  /** The short name calls are counted under: `codebuild`. */
  readonly name: string;
  readonly operations: Readonly<Record<string, (input: JsonObject) => Json | Promise<Json>>>;
}

export async function serveJson(exchange: Exchange, service: JsonService, operation: string): Promise<void> {
  const body = (await readBody(exchange.request)).toString("utf8");
  const act = service.operations[operation];
  if (act === undefined) {
    throw new AwsError("UnknownOperationException", `The local cloud does not implement ${service.name}:${operation}`);
  }
  let input: Json;
  try {
    input = body === "" ? {} : (JSON.parse(body) as Json);
  } catch {
    throw new AwsError("SerializationException", "The request is not JSON");
  }
  if (!isObject(input)) throw new AwsError("SerializationException", "The request is not a JSON object");
  sendJson(exchange, 200, await act(input));
}

export function sendJson(exchange: Exchange, status: number, value: Json): void {
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() };
  answer(exchange, status, headers, JSON.stringify(value));
}

export function sendJsonError(exchange: Exchange, error: AwsError): void {
  sendJson(exchange, error.status, { __type: error.code, message: error.message });
}
