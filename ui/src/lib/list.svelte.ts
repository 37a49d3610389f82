// SPDX-License-Identifier: Apache-2.0
// A list that comes in pages by cursor: the first replaces what was there, further ones are added.
import { Resource } from './resource.svelte';

export class Paged<T> {
  first = new Resource<{ items: T[]; next: string | null }>();
  more = new Resource<{ items: T[]; next: string | null }>();
  #extra = $state.raw<T[]>([]);
  #next = $state.raw<string | null>(null);
  #fetch: ((cursor: string | null, signal: AbortSignal) => Promise<{ items: T[]; next: string | null }>) | null = null;

  items = $derived([...(this.first.value?.items ?? []), ...this.#extra]);
  get next(): string | null {
    return this.#next;
  }

  async load(fetch: (cursor: string | null, signal: AbortSignal) => Promise<{ items: T[]; next: string | null }>): Promise<void> {
    this.#fetch = fetch;
    this.more.cancel();
    await this.first.load((signal) => fetch(null, signal));
    this.#extra = [];
    this.#next = this.first.value?.next ?? null;
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

  cancel(): void {
    this.first.cancel();
    this.more.cancel();
  }
}
