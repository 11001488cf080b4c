import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { isPropertyMap, unknown, unwrap, type PropertyMap, type PropertyValue, type Unknown } from "./property-value.ts";
import { pathSegment } from "../support/property-path.ts";
import type { CheckFailure } from "./resource.ts";

/** A value, or the mark that this preview does not know it yet. */
export type Maybe<T> = T | Unknown;

/**
 * Reads inputs into typed values and collects every failure, each with its property path, instead of stopping at the first. A failing
 * property reads as undefined; the caller looks at `failures` before it trusts anything.
 */
export interface InputReader {
  readonly failures: CheckFailure[];
  string(name: string): Maybe<string> | undefined;
  number(name: string): Maybe<number> | undefined;
  /** Also as text, which is how generated SDKs and `pulumi config` send it. */
  boolean(name: string): Maybe<boolean> | undefined;
  /** One of a closed set of words. */
  choice<const T extends string>(name: string, choices: readonly T[]): Maybe<T> | undefined;
  /** A list of strings; unknown when any item is. */
  strings(name: string): Maybe<readonly string[]> | undefined;
  /** A map of strings; unknown when any value is. */
  stringMap(name: string): Maybe<Readonly<Record<string, string>>> | undefined;
  /** A nested object, read by a reader whose paths begin with its name and whose failures are these. */
  object(name: string): Maybe<InputReader> | undefined;
  /** A map of nested objects, each read like `object`; unknown when any of them is. */
  objectMap(name: string): Maybe<Readonly<Record<string, InputReader>>> | undefined;
  /** Turns a known value into another; a CloudBuildError it throws becomes a failure of `path`. */
  parse<T, U>(path: string, value: Maybe<T> | undefined, parser: (value: T) => U): Maybe<U> | undefined;
  fail(path: string, reason: string): void;
  /** Fails every property that was not named in `known`. */
  refuseOthers(known: readonly string[]): void;
}

export function readInputs(map: PropertyMap, prefix = "", failures: CheckFailure[] = []): InputReader {
  const path = (name: string): string => `${prefix}${name}`;

  function fail(at: string, reason: string): undefined {
    failures.push({ property: at, reason });
    return undefined;
  }

  function known<T>(name: string, expected: string, accept: (value: PropertyValue) => T | undefined): Maybe<T> | undefined {
    const raw = map[name];
    const value = raw === undefined ? null : unwrap(raw);
    if (value === null) return undefined;
    if (value === unknown) return unknown;
    return accept(value) ?? fail(path(name), `expected ${expected}, got ${describe(value)}`);
  }

  function stringAt(at: string, item: PropertyValue): Maybe<string> | undefined {
    const value = unwrap(item);
    if (value === unknown || (typeof value === "string" && !value.includes("\0"))) return value;
    return fail(
      at,
      typeof value === "string" ? "holds a NUL character, which no build can be given" : `expected a string, got ${describe(value)}`,
    );
  }

  const reader: InputReader = {
    failures,
    fail: (at, reason) => void fail(path(at), reason),
    string: (name) => {
      const value = map[name] === undefined ? null : unwrap(map[name]);
      return value === null ? undefined : stringAt(path(name), value);
    },
    number: (name) => known(name, "a number", (value) => (typeof value === "number" ? value : undefined)),
    boolean: (name) => known(name, "true or false", (value) => booleans.get(value)),
    choice: (name, choices) => {
      const value = reader.string(name);
      if (value === undefined || value === unknown) return value;
      return (
        choices.find((choice) => choice === value) ?? fail(path(name), `"${value}" is none of ${choices.map((c) => `"${c}"`).join(", ")}`)
      );
    },
    strings: (name) => {
      const list = known(name, "a list of strings", (value) => (Array.isArray(value) ? (value as readonly PropertyValue[]) : undefined));
      if (list === undefined || list === unknown) return list;
      return whole(list.map((item, i) => stringAt(`${path(name)}[${i}]`, item)));
    },
    stringMap: (name) => {
      const object = known(name, "a map of strings", (value) => (isPropertyMap(value) ? value : undefined));
      if (object === undefined || object === unknown) return object;
      const keys = Object.keys(object).sort();
      const values = whole(keys.map((key) => stringAt(`${path(name)}${pathSegment(key)}`, object[key] ?? null)));
      return values === undefined || values === unknown ? values : Object.fromEntries(keys.map((key, i) => [key, values[i] ?? ""]));
    },
    object: (name) => {
      const object = known(name, "an object", (value) => (isPropertyMap(value) ? value : undefined));
      return object === undefined || object === unknown ? object : readInputs(object, `${path(name)}.`, failures);
    },
    objectMap: (name) => {
      const object = known(name, "a map of objects", (value) => (isPropertyMap(value) ? value : undefined));
      if (object === undefined || object === unknown) return object;
      const inner = readInputs(object, `${path(name)}.`, failures);
      const readers = Object.keys(object).map((key) => [key, inner.object(key)] as const);
      if (readers.some(([, one]) => one === unknown)) return unknown;
      return Object.fromEntries(readers.flatMap(([key, one]) => (one === undefined || one === unknown ? [] : [[key, one] as const])));
    },
    parse: (at, value, parser) => {
      if (value === undefined) return undefined;
      if (value === unknown) return unknown;
      try {
        return parser(value);
      } catch (error) {
        if (error instanceof CloudBuildError) return fail(path(at), error.message);
        throw error;
      }
    },
    refuseOthers: (names) => {
      for (const name of Object.keys(map)) {
        if (!names.includes(name)) fail(path(name), `is not a property here; the properties are ${[...names].sort().join(", ")}`);
      }
    },
  };
  return reader;
}

const booleans: ReadonlyMap<PropertyValue, boolean> = new Map<PropertyValue, boolean>([
  [true, true],
  [false, false],
  ["true", true],
  ["false", false],
]);

/** Unknown if any item is, undefined if any item failed, else the items. */
function whole(items: readonly (Maybe<string> | undefined)[]): Maybe<readonly string[]> | undefined {
  if (items.includes(undefined)) return undefined;
  if (items.includes(unknown)) return unknown;
  return items as readonly string[];
}

function describe(value: PropertyValue): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isPropertyMap(value)) return "an object";
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "object") return "kind" in value ? `an ${String(value.kind)}` : "a secret";
  return String(value);
}
