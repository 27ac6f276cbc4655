/** Facts in a definition list: a name and what is so. */

import { el, fill, setText } from "./dom.ts";

/** An entry of a definition list: its name, then what is so. */
export function fact(): HTMLElement {
  return el("div", {}, el("dt"), el("dd"));
}

/** Makes `list` show these names and texts. */
export function showFacts(list: HTMLElement, facts: readonly (readonly [string, string])[]): void {
  fill(list, facts, fact, (node, [name, text]) => {
    setText(node.children[0] as HTMLElement, name);
    setText(node.children[1] as HTMLElement, text);
  });
}
