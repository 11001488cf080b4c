/** A value that Pulumi does not know yet: the output of something that this preview would create. */
export const unknown: unique symbol = Symbol("unknown");
export type Unknown = typeof unknown;

/** A value Pulumi keeps encrypted in state and masks on screen. */
export class Secret {
  readonly value: PropertyValue;
  constructor(value: PropertyValue) {
    this.value = value;
  }
}

/** A value that no property of this provider takes: an asset, an archive, a byte string. `kind` names it for the error. */
export class Foreign {
  readonly kind: string;
  constructor(kind: string) {
    this.kind = kind;
  }
}

/** What the engine sends and gets: JSON, with unknowns and secrets at any depth. */
export type PropertyValue = null | boolean | number | string | Unknown | Secret | Foreign | readonly PropertyValue[] | PropertyMap;

export interface PropertyMap {
  readonly [key: string]: PropertyValue;
}

export function isPropertyMap(value: PropertyValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Secret) && !(value instanceof Foreign);
}

/** The value without its secret envelope, at this level only. */
export function unwrap(value: PropertyValue): Exclude<PropertyValue, Secret> {
  return value instanceof Secret ? unwrap(value.value) : value;
}

export function holdsUnknown(value: PropertyValue): boolean {
  const plain = unwrap(value);
  if (plain === unknown) return true;
  if (Array.isArray(plain)) return (plain as readonly PropertyValue[]).some(holdsUnknown);
  return isPropertyMap(plain) && Object.values(plain).some(holdsUnknown);
}

export function holdsSecret(value: PropertyValue): boolean {
  if (value instanceof Secret) return true;
  if (Array.isArray(value)) return (value as readonly PropertyValue[]).some(holdsSecret);
  return isPropertyMap(value) && Object.values(value).some(holdsSecret);
}

/** Equal but for secrecy: a value that became a secret is the same value. Unknown equals nothing, not even itself. */
export function sameValue(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const left = unwrap(a);
  const right = unwrap(b);
  if (left === unknown || right === unknown) return false;
  if (Array.isArray(left)) {
    const others = right as readonly PropertyValue[];
    return Array.isArray(right) && left.length === others.length && left.every((item: PropertyValue, i) => sameValue(item, others[i]));
  }
  if (isPropertyMap(left)) {
    if (!isPropertyMap(right)) return false;
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].every((key) => sameValue(left[key], right[key]));
  }
  return left === right;
}

/** The text of a property, whether it is secret or not; undefined for anything that is no text. */
export function textAt(map: PropertyMap | undefined, name: string): string | undefined {
  const plain = unwrap(map?.[name] ?? null);
  return typeof plain === "string" ? plain : undefined;
}
