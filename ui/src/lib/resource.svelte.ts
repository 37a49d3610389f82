// SPDX-License-Identifier: Apache-2.0
// Something loaded: what is there, whether more is coming, what went wrong. A newer load cancels an older;
// while it runs the old value stays, so that a screen never empties itself to refresh.
export type Loader<T> = (signal: AbortSignal) => Promise<T>;

export class Resource<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  #abort: AbortController | null = null;
  #next: Loader<T> | null = null;

  /** Loads, in place of what runs or waits; resolves when this load is done, was replaced or cancelled. */
  async load(loader: Loader<T>, { keep = true }: { keep?: boolean } = {}): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    this.loading = true;
    if (!keep) this.value = null;
    try {
      const value = await loader(abort.signal);
      if (this.#abort !== abort) return;
      this.value = value;
      this.error = null;
    } catch (e) {
      if (this.#abort !== abort) return;
      if (!abort.signal.aborted) this.error = e;
    }
    this.loading = false;
    this.#abort = null;
    if (this.#next) void this.load(this.#next);
  }

  /**
   * Loads anew what is shown. What comes while a load runs waits for its end, and only the last of it is loaded: a
   * master that has news faster than it answers would else never be heard out. Something else is to be shown: cancel
   * first.
   */
  async refresh(loader: Loader<T>): Promise<void> {
    if (this.#abort) this.#next = loader;
    else await this.load(loader);
  }

  cancel(): void {
    this.#next = null;
    this.#abort?.abort();
    this.#abort = null;
    this.loading = false;
  }
}
