import struct, { type JavaScriptValue, type Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { Foreign, isPropertyMap, Secret, unknown, type PropertyMap, type PropertyValue } from "../resources/property-value.ts";

// The wire signatures of sdk/go/common/resource/sig/sig.go in pulumi/pulumi.
const signatureKey = "4dabf18193072939515e22adb298388d";
const signatures = {
  secret: "1b47061264138c4ac30d75fd1eb44270",
  resource: "5cf8f73096256a8f31e491e813e4eb8e",
  output: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
  bytes: "803fd3297a5875dc03ca845dda5d2a98",
} as const;

/** One sentinel string for each type an unknown may have (plugin/rpc.go in pulumi/pulumi). We send the first, we read all. */
const unknownSentinels = {
  string: "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  boolean: "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  number: "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  array: "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  asset: "030794c1-ac77-496b-92df-f27374a8bd58",
  archive: "e48ece36-62e2-4504-bad9-02848725956a",
  object: "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
} as const;
const sentinels: ReadonlySet<string> = new Set(Object.values(unknownSentinels));

/** Decodes what the engine sent. An absent struct stays absent: to Read it means an import, to Check an empty resource. */
export function decodeProperties(message: Struct): PropertyMap;
export function decodeProperties(message: Struct | undefined): PropertyMap | undefined;
export function decodeProperties(message: Struct | undefined): PropertyMap | undefined {
  return message === undefined ? undefined : decodeMap(message.toJavaScript());
}

/**
 * Decodes provider configuration. Generated SDKs send each setting that is not a string as JSON text, YAML programs send the value itself;
 * both read the same. Text that only looks like JSON stays text, and is refused where an object is expected.
 */
export function decodeConfig(message: Struct | undefined): PropertyMap {
  const map = message?.toJavaScript() ?? {};
  return decodeMap(Object.fromEntries(Object.entries(map).map(([key, value]) => [key, parsedJson(value)])));
}

function parsedJson(value: JavaScriptValue): JavaScriptValue {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as JavaScriptValue;
  } catch {
    return value;
  }
}

function decodeMap(map: Record<string, JavaScriptValue>): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, decodeValue(value)]));
}

function decodeValue(value: JavaScriptValue): PropertyValue {
  if (typeof value === "string") return sentinels.has(value) ? unknown : value;
  if (Array.isArray(value)) return (value as JavaScriptValue[]).map(decodeValue);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Record<string, JavaScriptValue>;
  return signatureKey in map ? decodeSigned(map) : decodeMap(map);
}

function decodeSigned(map: Record<string, JavaScriptValue>): PropertyValue {
  switch (map[signatureKey]) {
    case signatures.secret:
      return new Secret(decodeValue(map["value"] ?? null));
    case signatures.output: {
      const value: PropertyValue = "value" in map ? decodeValue(map["value"] ?? null) : unknown;
      return map["secret"] === true ? new Secret(value) : value;
    }
    case signatures.resource:
      return decodeValue(map["id"] ?? map["urn"] ?? null);
    case signatures.asset:
      return new Foreign("asset");
    case signatures.archive:
      return new Foreign("archive");
    case signatures.bytes:
      return new Foreign("byte string");
    default:
      return new Foreign("value of a kind this provider does not know");
  }
}

/** Encodes for the engine. Keys whose value is undefined are left out. */
export function encodeProperties(map: PropertyMap): Struct {
  return struct.Struct.fromJavaScript(encodeMap(map));
}

function encodeMap(map: PropertyMap): Record<string, JavaScriptValue> {
  const entries = Object.entries(map as Readonly<Record<string, PropertyValue | undefined>>);
  return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, encodeValue(value)] as const])));
}

function encodeValue(value: PropertyValue): JavaScriptValue {
  if (value === unknown) return unknownSentinels.string;
  if (value instanceof Secret) return { [signatureKey]: signatures.secret, value: encodeValue(value.value) };
  if (value instanceof Foreign) throw new TypeError(`a ${value.kind} cannot be sent to the engine`);
  if (Array.isArray(value)) return (value as readonly PropertyValue[]).map(encodeValue);
  if (isPropertyMap(value)) return encodeMap(value);
  return value as JavaScriptValue;
}
