/** One pattern of an ignore file, compiled. */
export interface IgnorePattern {
  readonly negated: boolean;
  /** The pattern without `!`. */
  readonly text: string;
  matches(path: string): boolean;
}

/**
 * Compiles one cleaned pattern with the rules of moby/patternmatcher: `*` and `?` stay within a path segment, `**` crosses segments, `[…]`
 * is a class, `\` takes the next character as it is. Throws an Error that says what is malformed.
 */
export function parseIgnorePattern(pattern: string): IgnorePattern {
  const negated = pattern.startsWith("!");
  const text = negated ? pattern.slice(1) : pattern;
  if (text === "") throw new Error("nothing follows the exclamation mark");
  checkSyntax(text);
  return { negated, text, matches: compile(text) };
}

type Kind = "exact" | "prefix" | "suffix" | "expression";

// Characters that mean something to an expression and nothing to a pattern. `^` is left as it is by the reference, and so anchors.
const plainInPatterns = new Set([".", "+", "(", ")", "|", "{", "}", "$"]);

/**
 * Translates character by character and decides on the way what kind of comparison it is, as the reference does: that decision is part of
 * the meaning. Wildcards are translated inside a class, too. A pattern that begins with `**` and holds no wildcard after it compares
 * suffixes, one that ends with its only `**` compares prefixes.
 */
function compile(pattern: string): (path: string) => boolean {
  const characters = [...pattern];
  let kind: Kind = "exact";
  let expression = "^";
  for (let at = 0, token = 0; at < characters.length; token += 1) {
    const character = characters[at++] ?? "";
    if (character === "*" && characters[at] === "*") {
      at += 1;
      if (characters[at] === "/") at += 1;
      const last = at >= characters.length;
      expression += last ? "[^\n]*" : "([^\n]*/)?";
      if (token === 0) kind = "suffix";
      else kind = last && kind === "exact" ? "prefix" : "expression";
    } else if (character === "*" || character === "?") {
      expression += character === "*" ? "[^/]*" : "[^/]";
      kind = "expression";
    } else if (character === "\\") {
      expression += `\\${characters[at++] ?? "\\"}`;
      kind = "expression";
    } else if (character === "[" || character === "]") {
      expression += character;
      kind = "expression";
    } else {
      expression += plainInPatterns.has(character) ? `\\${character}` : character;
    }
  }
  return comparison(kind, pattern, expression);
}

function comparison(kind: Kind, pattern: string, expression: string): (path: string) => boolean {
  switch (kind) {
    case "exact":
      return (path) => path === pattern;
    case "prefix": {
      const prefix = pattern.slice(0, -2);
      return (path) => path.startsWith(prefix);
    }
    case "suffix": {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
    }
    case "expression": {
      const compiled = new RegExp(`${inJavaScript(expression)}$`, "u");
      return (path) => compiled.test(path);
    }
  }
}

/** The translation is an expression in Go's spelling, where brackets may stand alone and any character may be escaped. */
function inJavaScript(expression: string): string {
  const characters = [...expression];
  let out = "";
  for (let at = 0, open = -1; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    const inClass = open >= 0;
    const first = inClass && (at === open + 1 || (at === open + 2 && characters[open + 1] === "^"));
    if (character === "\\") {
      at += 1;
      out += escape(characters[at] ?? "\\");
    } else if (!inClass && character === "[") {
      open = at;
      out += "[";
    } else if (inClass && character === "]" && !first) {
      open = -1;
      out += "]";
    } else {
      out += character === "]" || (inClass && character === "[") ? `\\${character}` : character;
    }
  }
  return out;
}

function escape(character: string): string {
  // Letters of the classes that both languages know keep their meaning; every other character stands for itself.
  return /[dDsSwW]|[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}

/** What Go's filepath.Match calls a bad pattern: an unended or empty class, a reversed or open range, a backslash at the end. */
function checkSyntax(pattern: string): void {
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at];
    if (character === "\\") {
      at += 1;
      if (at >= characters.length) throw new Error("it ends with a backslash");
    } else if (character === "[") {
      at = checkClass(characters, at + 1);
    }
  }
}

function checkClass(characters: readonly string[], from: number): number {
  let at = characters[from] === "^" ? from + 1 : from;
  for (let ranges = 0; ; ranges += 1) {
    if (characters[at] === "]" && ranges > 0) return at;
    const [low, afterLow] = classCharacter(characters, at);
    at = afterLow;
    if (characters[at] !== "-") continue;
    const [high, afterHigh] = classCharacter(characters, at + 1);
    if (high < low) throw new Error(`the range ${low}-${high} is reversed`);
    at = afterHigh;
  }
}

function classCharacter(characters: readonly string[], at: number): [string, number] {
  const character = characters[at];
  if (character === undefined) throw new Error("a [ has no matching ]");
  if (character === "-" || character === "]") throw new Error(`a class cannot have ${character} there`);
  if (character !== "\\") return [character, at + 1];
  const next = characters[at + 1];
  if (next === undefined) throw new Error("a [ has no matching ]");
  return [next, at + 2];
}
