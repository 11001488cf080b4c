/** Where a room says what happens. The engine's log and the terminal are two sinks; rooms never print. */
export interface Reporter {
  /** The one live line of this operation; replaces the last one. An empty string clears it. */
  status(line: string): void;
  /** A line that stays. */
  info(text: string): void;
  warn(text: string): void;
  /** Shown with `--debug` only. */
  debug(text: string): void;
}

export const silentReporter: Reporter = { status() {}, info() {}, warn() {}, debug() {} };
