// SPDX-License-Identifier: Apache-2.0
// Shortcuts. One key, or g and a key; never while typing, never with a modifier, and off by choice
// (WCAG 2.1.4). A screen adds its own while it stands.
import { untrack } from 'svelte';
import { remember, remembered } from './storage';
import type { Key } from './catalogue';

export interface Shortcut {
  keys: string;
  text: Key;
  run: () => void;
}

const CHORD_MS = 1500;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

class Shortcuts {
  list = $state.raw<Shortcut[]>([]);
  enabled = $state(remembered('shortcuts') !== 'off');
  #first = -CHORD_MS;

  constructor() {
    addEventListener('keydown', (e) => this.#key(e));
  }

  /** Adds; the answer takes away again (for $effect). */
  add(shortcuts: Shortcut[]): () => void {
    untrack(() => (this.list = [...this.list, ...shortcuts]));
    return () => untrack(() => (this.list = this.list.filter((s) => !shortcuts.includes(s))));
  }
  enable(on: boolean): void {
    this.enabled = on;
    remember('shortcuts', on ? null : 'off');
  }

  #key(e: KeyboardEvent): void {
    if (!this.enabled || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (typing(e.target) || document.querySelector('dialog[open]')) return;
    const chord = e.timeStamp - this.#first < CHORD_MS;
    this.#first = e.key === 'g' && !chord ? e.timeStamp : -CHORD_MS;
    const wanted = chord ? `g ${e.key}` : e.key;
    const found = this.list.findLast((s) => s.keys === wanted);
    if (!found) return;
    e.preventDefault();
    found.run();
  }
}
export const shortcuts = new Shortcuts();

/** Moves the focus among the elements marked data-item. */
export function moveItem(step: 1 | -1): void {
  const items = [...document.querySelectorAll<HTMLElement>('[data-item]')];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
