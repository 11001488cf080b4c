import type { IgnorePattern } from "./ignore-pattern.ts";

/** Which patterns matched a folder, so that what lies in it need not ask again. Opaque to callers. */
export type MatchState = readonly boolean[];

export interface IgnoreMatcher {
  /**
   * Judges one path. `parent` is the state of its folder, undefined at the top. The last pattern that matches decides; a match of a folder
   * holds for everything in it.
   */
  judge(path: string, parent: MatchState | undefined): { readonly ignored: boolean; readonly state: MatchState };
  /** False when nothing inside this ignored folder can be let in again, so that it need not be entered. */
  mayReadmit(folder: string): boolean;
}

const wildcard = /[*[\]?^\\]/;

/** Docker's rule over an ordered list of patterns (moby/patternmatcher, as tonistiigi/fsutil applies it while walking). */
export function createIgnoreMatcher(patterns: readonly IgnorePattern[]): IgnoreMatcher {
  const readmitting = patterns.filter(({ negated }) => negated).map(({ text }) => text.replace(/\/\*\*$/, "").replace(/\/\*$/, ""));
  const anywhere = readmitting.some((text) => wildcard.test(text));

  return {
    judge(path, parent) {
      let ignored = false;
      const state = patterns.map((pattern, i) => {
        if (parent?.[i] === true) {
          ignored = !pattern.negated;
          return true;
        }
        // A pattern that could not change the verdict is not asked, and counts as not matched for what lies below.
        if (pattern.negated !== ignored || !pattern.matches(path)) return false;
        ignored = !pattern.negated;
        return true;
      });
      return { ignored, state };
    },
    mayReadmit(folder) {
      return anywhere || readmitting.some((text) => `${text}/`.startsWith(`${folder}/`));
    },
  };
}
