/** Making and changing elements. Text goes in as text only: what the server sends is never markup. */

type Attributes = Record<string, string | number | boolean | undefined>;

/** An element with attributes and children; `false` and `undefined` leave an attribute out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  applyAttributes(node, attributes);
  node.append(...children);
  return node;
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Node[]): SVGElementTagNameMap[K] {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  applyAttributes(node, attributes);
  node.append(...children);
  return node;
}

function applyAttributes(node: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** The element of `index.html` with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const node = document.getElementById(id);
  if (!node) throw new Error(`no element #${id}`);
  return node as T;
}

/** Sets text only if it differs, so that selections and screen readers are left in peace. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets or removes the title that shows on hover. */
export function setTitle(node: HTMLElement, title: string | undefined): void {
  if (title === undefined) node.removeAttribute("title");
  else if (node.title !== title) node.title = title;
}

/**
 * Makes `parent` hold one child for each item: existing children are reused in place, so focus, hover and
 * scroll survive an update.
 */
export function fill<T, N extends HTMLElement>(
  parent: HTMLElement,
  items: readonly T[],
  make: () => N,
  update: (node: N, item: T, index: number) => void,
): void {
  while (parent.children.length > items.length) parent.lastElementChild?.remove();
  items.forEach((item, index) => {
    let node = parent.children[index] as N | undefined;
    if (!node) {
      node = make();
      parent.append(node);
    }
    update(node, item, index);
  });
}
