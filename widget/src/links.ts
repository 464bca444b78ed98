// Addresses in texts of others: which may be followed, and where in a text they are. Nothing becomes markup.

const SAFE = ["http:", "https:", "mailto:", "tel:"];

/** How much of a text is looked through for links; longer ones are shown all the same. */
const SEARCHED_MAX = 20_000;

const LINK =
  /(https?:\/\/[^\s<>"]+|www\.[^\s<>".]+\.[^\s<>"]+|mailto:[^\s<>"]+|tel:\+?[\d-]{5,}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)/gi;

export interface Piece {
  text: string;
  href: string | null;
}

/** The address, if it is of a kind that may be followed; else null. */
export function safe(address: string | undefined | null, base?: string): string | null {
  if (!address) return null;
  try {
    const url = new URL(address, base);
    return SAFE.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** The address of a picture: http and https only. */
export function picture(address: string | undefined | null): string | null {
  const found = safe(address);
  return found && /^https?:/.test(found) ? found : null;
}

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.slice(0, SEARCHED_MAX).matchAll(LINK)) {
    const link = trimmed(match[0]);
    const href = safe(
      link.includes("@") && !/^(https?|mailto):/i.test(link)
        ? `mailto:${link}`
        : /^www\./i.test(link)
          ? `https://${link}`
          : link,
    );
    if (!href) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index), href: null });
    found.push({ text: link, href });
    at = match.index + link.length;
  }
  if (at < text.length) found.push({ text: text.slice(at), href: null });
  return found;
}

/** A sentence's full stop and a bracket around the link are not part of it. */
function trimmed(link: string): string {
  // How many brackets are closed in it that it did not open.
  let extra = link.split(")").length - link.split("(").length;
  let end = link.length;
  for (; end > 0; end -= 1) {
    const last = link[end - 1]!;
    if (last === ")" && extra > 0) extra -= 1;
    else if (!".,;:!?'”»".includes(last)) break;
  }
  return link.slice(0, end);
}
