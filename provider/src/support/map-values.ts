/** The same record with each value made into another, all at once. */
export async function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  make: (value: T, key: string) => Promise<U>,
): Promise<Record<string, U>> {
  const entries = Object.entries(record).map(async ([key, value]) => [key, await make(value, key)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
