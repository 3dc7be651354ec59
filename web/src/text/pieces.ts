/** A part of a message's text. */
export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string; name: string };

// What a link or a mention may follow: a word that goes on (as in an e-mail address) is neither.
const PATTERN =
  /(?<![\p{L}\p{N}_.@/])(?:(https?:\/\/|www\.)[^\s<>"'`\u200e\u200f\u2066-\u2069]+|@([\p{L}\p{N}@.+\-_]{1,64}))/giu;
/** Punctuation that ends a sentence, not an address or a name. */
const TRAILING = /[.,;:!?،؛؟»”’…]+$/u;
const PAIRS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/**
 * Cuts a text into links, mentions and the rest. All of it is text: nothing here or later reads it as HTML. Joined
 * again, the pieces' texts are the text.
 */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(PATTERN)) {
    const [whole, scheme, mention] = match;
    const piece = scheme === undefined ? named(mention ?? "") : linked(whole, scheme);
    if (piece) {
      if (match.index > end) {
        found.push({ kind: "text", text: text.slice(end, match.index) });
      }
      found.push(piece);
      end = match.index + piece.text.length;
    }
  }
  if (end < text.length) {
    found.push({ kind: "text", text: text.slice(end) });
  }
  return found;
}

function named(mention: string): Piece | null {
  const name = mention.replace(TRAILING, "");
  return name ? { kind: "mention", text: `@${name}`, name } : null;
}

function linked(whole: string, scheme: string): Piece | null {
  let address = whole.replace(TRAILING, "");
  // A bracket that was opened outside of the link closes outside of it.
  for (let last = address.at(-1) ?? ""; last in PAIRS; last = address.at(-1) ?? "") {
    const open = PAIRS[last] ?? "";
    if (address.split(last).length <= address.split(open).length) {
      break;
    }
    address = address.slice(0, -1).replace(TRAILING, "");
  }
  const full = scheme.toLowerCase() === "www." ? `https://${address}` : address;
  // Only what is an address of the web, in full.
  const url = URL.canParse(full) ? new URL(full) : null;
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  return url && isWeb ? { kind: "link", text: address, href: url.href } : null;
}

/** Whether a text is a few emoji and nothing else, to be shown large. */
export function isOnlyEmoji(text: string): boolean {
  return text.length <= 24 && /^(?:\p{RGI_Emoji}\s*){1,3}$/v.test(text);
}

/** The direction of a text by its first letter that has one, as `dir="auto"` finds it. */
export function directionOf(text: string): "rtl" | "ltr" | undefined {
  const [letter] = /\p{L}/u.exec(text) ?? [];
  if (letter === undefined) {
    return undefined;
  }
  return /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(letter)
    ? "rtl"
    : "ltr";
}
