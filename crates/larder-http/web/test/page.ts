/** As much of a browser's page as the parts need: elements that keep what is put into them. */

/** An element. */
export class FakeElement {
  hidden = false;
  value = "";
  disabled = false;
  checked = false;
  open = false;
  returnValue = "";
  title = "";
  oninput: (() => void) | undefined;
  readonly dataset: Record<string, string> = {};
  readonly style: Record<string, string> = {};
  readonly attributes: Record<string, string> = {};
  readonly #listeners = new Map<string, (() => void)[]>();
  #parts: (FakeElement | string)[] = [];

  get textContent(): string {
    return this.#parts.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  }

  set textContent(text: string) {
    this.#parts = [text];
  }

  get children(): FakeElement[] {
    return this.#parts.filter((part) => typeof part !== "string");
  }

  append(...parts: (FakeElement | string)[]): void {
    this.#parts.push(...parts);
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }

  removeAttribute(name: string): void {
    delete this.attributes[name];
  }

  addEventListener(event: string, listener: () => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  focus(): void {}

  showModal(): void {
    this.open = true;
  }

  /** Closes a dialog, as its button of this value does, or Escape. */
  close(value?: string): void {
    this.open = false;
    if (value !== undefined) this.returnValue = value;
    for (const listener of this.#listeners.get("close") ?? []) listener();
  }

  /** What the reader types, in place of what stood there. */
  type(text: string): void {
    this.value = text;
    this.oninput?.();
  }
}

const byId = new Map<string, FakeElement>();

/** The element of this id, which the page has once it is asked for. */
export function element(id: string): FakeElement {
  const known = byId.get(id) ?? new FakeElement();
  byId.set(id, known);
  return known;
}

export const page = {
  hidden: false,
  createElement: (): FakeElement => new FakeElement(),
  createElementNS: (): FakeElement => new FakeElement(),
  getElementById: element,
};

/** Makes it the page. To be called before a module is loaded that looks for one. */
export function openPage(): void {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string): string | null => kept.get(key) ?? null,
    setItem: (key: string, value: string): void => void kept.set(key, value),
    removeItem: (key: string): void => void kept.delete(key),
  };
  Object.assign(globalThis, { document: page, window: { localStorage: storage, sessionStorage: storage } });
}

openPage();
