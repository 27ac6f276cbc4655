/** The last values of a figure that is asked for now and again: of a fixed length, however long the page is open. */

export class Ring {
  readonly #max: number;
  #times: number[] = [];
  #values: (number | null)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  add(seconds: number, value: number | null): void {
    this.#times.push(seconds);
    this.#values.push(value);
    if (this.#times.length > this.#max) {
      this.#times.shift();
      this.#values.shift();
    }
  }

  get times(): readonly number[] {
    return this.#times;
  }

  get values(): (number | null)[] {
    return this.#values;
  }

  clear(): void {
    this.#times = [];
    this.#values = [];
  }
}

/** Rates of a counter that is read now and again; a counter that began anew gives none. */
export class RateRing extends Ring {
  #at = Number.NaN;
  #count = 0;

  count(seconds: number, value: number): void {
    const passed = seconds - this.#at;
    if (passed < 0.5) return;
    const rate = Number.isNaN(passed) ? null : value >= this.#count ? (value - this.#count) / passed : null;
    this.add(seconds, rate);
    this.#at = seconds;
    this.#count = value;
  }

  override clear(): void {
    super.clear();
    this.#at = Number.NaN;
  }
}
