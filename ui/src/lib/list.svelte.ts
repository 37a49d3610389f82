// SPDX-License-Identifier: Apache-2.0
// A list that comes in pages by cursor: the first replaces what was there, further ones are added.
import { Resource } from './resource.svelte';

interface Page<T> { items: T[]; next: string | null }
type Fetch<T> = (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>;

export class Paged<T> {
  first = new Resource<Page<T>>();
  more = new Resource<Page<T>>();
  #extra = $state.raw<T[]>([]);
  #next = $state.raw<string | null>(null);
  #fetch: Fetch<T> | null = null;

  items = $derived([...(this.first.value?.items ?? []), ...this.#extra]);
  get next(): string | null {
    return this.#next;
  }

  async load(fetch: Fetch<T>): Promise<void> {
    this.#fetch = fetch;
    this.more.cancel();
    await this.first.load((signal) => fetch(null, signal));
    this.#extra = [];
    this.#next = this.first.value?.next ?? null;
  }

  /** Loads anew as many as are shown; further pages stay where they are. See Resource.refresh. */
  async refresh(fetch: Fetch<T>): Promise<void> {
    this.#fetch = fetch;
    await this.first.refresh(async (signal) => {
      let all = await fetch(null, signal);
      while (all.next && all.items.length < this.items.length) {
        const page = await fetch(all.next, signal);
        all = { items: [...all.items, ...page.items], next: page.next };
      }
      if (signal.aborted) return all;
      this.more.cancel(); // its cursor is of the list that was
      this.#extra = [];
      this.#next = all.next;
      return all;
    });
  }

  async loadMore(): Promise<void> {
    const fetch = this.#fetch;
    const cursor = this.#next;
    if (!fetch || !cursor) return;
    await this.more.load((signal) => fetch(cursor, signal));
    if (this.more.error || !this.more.value || this.#next !== cursor) return;
    this.#extra = [...this.#extra, ...this.more.value.items];
    this.#next = this.more.value.next;
  }

  /** Something else is to be listed. */
  clear(): void {
    this.cancel();
    this.#extra = [];
    this.#next = null;
  }

  cancel(): void {
    this.first.cancel();
    this.more.cancel();
  }
}
