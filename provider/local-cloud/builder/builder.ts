/** What makes `docker buildx build` work inside a build. */
export interface Builder {
  /**
   * Prepares the home of one build, and answers the variables that make its `docker buildx` use this builder. Throws a BuilderError when
   * this machine has nothing to build with.
   */
  prepare(home: string, env: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

export class BuilderError extends Error {
  override readonly name = "BuilderError";
}
