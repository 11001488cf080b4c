import assert from "node:assert/strict";
import struct, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { Foreign, Secret, unknown } from "../../../provider/src/resources/property-value.ts";
import { decodeConfig, decodeProperties, encodeProperties } from "../../../provider/src/rpc/value-codec.ts";
import { secretOf, unknownSentinel } from "../../support/fake-engine.ts";

const signature = "4dabf18193072939515e22adb298388d";
const decode = (value: JavaScriptValue) => decodeProperties(struct.Struct.fromJavaScript({ value }))["value"];
const encode = (value: Parameters<typeof encodeProperties>[0][string]) => encodeProperties({ value }).toJavaScript()["value"];

// plugin/rpc.go of pulumi/pulumi: one for each type an unknown may have.
const sentinels = [
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];

describe("the value codec", () => {
  for (const sentinel of sentinels)
    it(`reads ${sentinel} as unknown, at any depth`, () => assert.deepEqual(decode({ a: [sentinel] }), { a: [unknown] }));

  it("writes an unknown as the engine reads it", () => assert.equal(encode(unknown), unknownSentinel));

  it("carries secrets both ways, at any depth", () => {
    assert.deepEqual(decode({ a: secretOf({ b: "x" }) }), { a: new Secret({ b: "x" }) });
    assert.deepEqual(encode({ a: new Secret(["x"]) }), { a: secretOf(["x"]) });
  });

  it("reads output values: known, unknown, secret", () => {
    const output = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
    assert.equal(decode({ [signature]: output, value: "x" }), "x");
    assert.equal(decode({ [signature]: output }), unknown);
    assert.deepEqual(decode({ [signature]: output, value: "x", secret: true }), new Secret("x"));
  });

  it("reads a resource reference as its ID", () => {
    assert.equal(decode({ [signature]: "5cf8f73096256a8f31e491e813e4eb8e", urn: "urn:x", id: "i" }), "i");
  });

  it("keeps assets and archives apart from everything a property may be", () => {
    assert.deepEqual(decode({ [signature]: "c44067f5952c0a294b673a41bacd8c17", text: "x" }), new Foreign("asset"));
    assert.deepEqual(decode({ [signature]: "0def7320c3a5731c473e5ecbe6d01bc7", path: "x" }), new Foreign("archive"));
  });

  it("reads configuration that comes as JSON text, as generated SDKs send it", () => {
    const config = struct.Struct.fromJavaScript({
      region: "eu-west-1",
      endpoints: '{"s3":"http://x"}',
      defaults: { logs: "off" },
      project: "[not json",
    });
    assert.deepEqual(decodeConfig(config), {
      region: "eu-west-1",
      endpoints: { s3: "http://x" },
      defaults: { logs: "off" },
      project: "[not json",
    });
  });
});
