/** Who wants to hear of what the daemon announces besides its figures. */

type Listener = (data: unknown) => void;

class Listeners {
  readonly #of = new Map<string, Set<Listener>>();

  /** Until the function that comes back is called. */
  add(event: string, listener: Listener): () => void {
    const all = this.#of.get(event) ?? new Set();
    this.#of.set(event, all.add(listener));
    return () => void all.delete(listener);
  }

  tell(event: string, data: unknown): void {
    for (const listener of this.#of.get(event) ?? []) listener(data);
  }
}

export const listeners = new Listeners();
