import { AwsError } from "./aws-error.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = Readonly<Record<string, Json | undefined>>;

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads the members of a request and answers the service's own validation error for one of the wrong type. */
export function reader(input: JsonObject, invalid: string) {
  const wrong = (name: string, expected: string): AwsError => new AwsError(invalid, `Member ${name} is invalid: expected ${expected}`);
  const optional = <T>(name: string, expected: string, is: (value: Json) => value is T & Json): T | undefined => {
    const value = input[name];
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw wrong(name, expected);
    return value;
  };
  const required = <T>(name: string, value: T | undefined): T => {
    if (value === undefined) throw new AwsError(invalid, `Member ${name} is required`);
    return value;
  };
  const isText = (value: Json): value is string => typeof value === "string";
  const isTexts = (value: Json): value is string[] => Array.isArray(value) && value.every(isText);
  const isObjects = (value: Json): value is JsonObject[] => Array.isArray(value) && value.every(isObject);
  const self = {
    text: (name: string) => optional(name, "a string", isText),
    number: (name: string) => optional(name, "a number", (value): value is number => typeof value === "number"),
    flag: (name: string) => optional(name, "a boolean", (value): value is boolean => typeof value === "boolean"),
    texts: (name: string) => optional(name, "a list of strings", isTexts),
    object: (name: string) => optional(name, "a structure", isObject),
    objects: (name: string) => optional(name, "a list of structures", isObjects),
    requiredText: (name: string) => required(name, self.text(name)),
    requiredTexts: (name: string) => required(name, self.texts(name)),
    requiredObjects: (name: string) => required(name, self.objects(name)),
  };
  return self;
}

export type Reader = ReturnType<typeof reader>;

/** AWS JSON 1.1 writes timestamps as seconds since the epoch. */
export function epochSeconds(ms: number): number {
  return ms / 1000;
}
