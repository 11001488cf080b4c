/** How the engine writes a key in a property path: `.name`, or `["any.text"]` where a dot would mislead. */
export function pathSegment(key: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(key) ? `.${key}` : `["${key.replaceAll('"', '\\"')}"]`;
}
