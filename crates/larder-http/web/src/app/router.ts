/** The address: which page is on the screen, and of what. Knows no page. */

export interface Place {
  /** The first part, such as `cache`; empty for the overview. */
  page: string;
  /** What follows it, decoded: a cache's name, say. */
  argument: string;
}

/** `#/cache/users` is the page `cache` of `users`; anything that is no such address is the overview. */
export function parse(hash: string): Place {
  const [, page = "", rest = ""] = /^#\/([a-z]*)(?:\/(.*))?$/.exec(hash) ?? [];
  return { page, argument: decode(rest) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that encodes nothing stands for itself.
    return text;
  }
}

/** The address of a page, for links. */
export function address(page: string, argument = ""): string {
  return `#/${page}${argument ? `/${encodeURIComponent(argument)}` : ""}`;
}

/** Calls `onChange` with the place now, and whenever the address changes. */
export function follow(onChange: (place: Place) => void): void {
  const tell = (): void => onChange(parse(location.hash));
  addEventListener("hashchange", tell);
  tell();
}
