// SPDX-License-Identifier: Apache-2.0
// Live updates: one connection for the whole browser. The tabs elect a leader by a Web Lock; it holds the
// EventSource and tells the others by a BroadcastChannel. When its tab closes the lock passes on. Without
// locks each tab has its own connection.
import type { BreachShort, GroupEventShort, Incident, IncidentJoined, IncidentWithdrawn, Pulse } from '../api';
import { SvelteSet } from 'svelte/reactivity';

type Message =
  | { kind: 'pulse'; data: Pulse }
  | { kind: 'incident'; data: Incident }
  | { kind: 'breach'; data: BreachShort }
  | { kind: 'joined'; data: IncidentJoined }
  | { kind: 'withdrawn'; data: IncidentWithdrawn }
  | { kind: 'group'; data: GroupEventShort }
  | { kind: 'status'; data: null }
  | { kind: 'open' | 'lost' | 'hello'; data: null };

const HISTORY_S = 120;
const SILENT_AFTER_MS = 8000;

class Live {
  state = $state<'connecting' | 'open' | 'lost'>('connecting');
  pulse = $state.raw<Pulse | null>(null);
  /** Events per second, newest last, one value a second. */
  history = $state.raw<number[]>([]);
  incidents = $state(0);
  breaches = $state(0);
  groups = $state(0);
  statusChanges = $state(0);
  /** Ids of incidents that came while looking. */
  fresh = new SvelteSet<string>();
  #channel: BroadcastChannel | null = null;
  #source: EventSource | null = null;
  #release: (() => void) | null = null;
  #waiting: AbortController | null = null;
  #watch = 0;
  #retry = 0;

  start(): void {
    if (this.#channel) return;
    this.#channel = new BroadcastChannel('thymus-live');
    this.#channel.onmessage = (e: MessageEvent<Message>) => {
      if (e.data.kind === 'hello') {
        if (this.#source) this.#tell({ kind: this.state === 'open' ? 'open' : 'lost', data: null });
      } else this.#take(e.data);
    };
    this.#channel.postMessage({ kind: 'hello', data: null } satisfies Message);
    this.#watchdog();
    if (!('locks' in navigator)) {
      this.#connect();
      return;
    }
    this.#waiting = new AbortController();
    navigator.locks
      .request('thymus-live', { signal: this.#waiting.signal }, () => {
        this.#connect();
        return new Promise<void>((resolve) => (this.#release = resolve));
      })
      .catch(() => undefined);
  }

  stop(): void {
    clearTimeout(this.#watch);
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
    this.#release?.();
    this.#release = null;
    this.#waiting?.abort();
    this.#waiting = null;
    this.#channel?.close();
    this.#channel = null;
    this.state = 'connecting';
    this.pulse = null;
    this.history = [];
    this.fresh.clear();
  }

  #connect(): void {
    const source = new EventSource('/api/v1/stream');
    this.#source = source;
    source.onopen = () => this.#both({ kind: 'open', data: null });
    source.onerror = () => {
      this.#both({ kind: 'lost', data: null });
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      clearTimeout(this.#retry);
      this.#retry = window.setTimeout(() => this.#source === source && this.#connect(), 5000);
    };
    for (const kind of ['pulse', 'incident', 'joined', 'withdrawn', 'breach', 'group', 'status'] as const)
      source.addEventListener(kind, (e: MessageEvent<string>) => {
        try {
          this.#both({ kind, data: kind === 'status' ? null : JSON.parse(e.data) } as Message);
        } catch {
          /* one line that cannot be read says nothing about the next */
        }
      });
  }

  #both(message: Message): void {
    this.#take(message);
    this.#tell(message);
  }
  #tell(message: Message): void {
    this.#channel?.postMessage(message);
  }

  #take(message: Message): void {
    if (message.kind === 'lost') this.state = 'lost';
    else if (message.kind !== 'hello') this.state = 'open';
    if (message.kind === 'pulse') {
      this.pulse = message.data;
      this.history = [...this.history.slice(1 - HISTORY_S), message.data.events_per_s];
      this.#watchdog();
    } else if (message.kind === 'incident') {
      this.fresh.add(message.data.id);
      this.incidents++;
    } else if (message.kind === 'joined') {
      if (this.fresh.delete(message.data.id)) this.fresh.add(message.data.into);
      this.incidents++;
    } else if (message.kind === 'withdrawn') {
      this.fresh.delete(message.data.id);
      this.incidents++;
    } else if (message.kind === 'breach') this.breaches++;
    else if (message.kind === 'group') this.groups++;
    else if (message.kind === 'status') this.statusChanges++;
  }

  #watchdog(): void {
    clearTimeout(this.#watch);
    this.#watch = window.setTimeout(() => (this.state = 'lost'), SILENT_AFTER_MS);
  }
}
export const live = new Live();
