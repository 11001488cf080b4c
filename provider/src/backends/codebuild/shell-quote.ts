/**
 * One POSIX shell word that stands for exactly this text, whatever it holds: quotes, dollars, backquotes, newlines. Only NUL cannot be
 * in a word; inputs that hold it are refused at the door.
 */
export function shellQuote(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
