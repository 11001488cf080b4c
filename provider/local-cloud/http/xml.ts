/** Text as the content of an XML element. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"'\r\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}

export type XmlValue = string | number | boolean | undefined | XmlTree | readonly (string | XmlTree)[];
export interface XmlTree {
  readonly [name: string]: XmlValue;
}

/** Elements in order; a list repeats its element; undefined is left out. */
export function toXml(tree: XmlTree): string {
  return Object.entries(tree)
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? (value as readonly (string | XmlTree)[]) : [value]).map((one) => element(name, one)),
    )
    .join("");
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return "";
  const [tag = name] = name.split(" ");
  return `<${name}>${typeof value === "object" ? toXml(value as XmlTree) : escapeXml(String(value))}</${tag}>`;
}

export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** The texts of every element of this name, wherever it is. Enough for the few small documents clients send. */
export function textsOf(xml: string, name: string): string[] {
  const found = xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, "g"));
  return [...found].map(([, text = ""]) => unescapeXml(text));
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return named[name ?? ""] ?? whole;
  });
}
