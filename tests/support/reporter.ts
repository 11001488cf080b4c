import Mocha, { type MochaOptions, type Runner } from "mocha";

/** Mocha's list of tests, and a last line that says how many passed and failed. A pending test counts as failed: nothing is skipped here. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      if (pending > 0) process.exitCode = 1;
      process.stdout.write(`${passes} passed, ${failures + pending} failed\n`);
    });
  }
}
