// SPDX-License-Identifier: Apache-2.0
// A piece of evidence as a sentence of the UI's language: what was done, what of it in detail, what is usual, how
// common the peer is. A measure that the catalogue does not know is told in the server's words.
import type { Evidence } from '../api';
import { NEVER, PLAIN } from './expects';
import { cut } from './format';
import { hasText, t, type Key, type Params } from './i18n.svelte';
import { amount } from './show.svelte';

/** Details that are sentences; the others are addresses, ports and names, and stay as they are. */
export const DETAILS: [RegExp, Key][] = [
  [/^on average every (\S+) s, intervals vary by (\d+) %$/, 'detail.every'],
  [/^held against (\d+) days before$/, 'detail.before'],
  [/^in (\d+) of its last (\d+) active hours, (\d+) contacts$/, 'detail.hours'],
  [/^port (\d+): (\d+) connections failed, (\d+) did not$/, 'detail.failed'],
  [/^(-?\d+) hours after it collected from inside hosts$/, 'detail.after'],
  [/^at (\d+):00 UTC; so on (\d+) of (\d+) such days$/, 'detail.rare'],
  [/^from (.+), then to (.+)$/, 'detail.path'],
  [/^from (\S+(?:, \S+)*)$/, 'detail.from'],
  [/^also (.+)$/, 'detail.also'],
  [/^port (\d+) is a mining pool's$/, 'detail.pool'],
  [/^held against what is sent to places that hardly anybody uses$/, 'detail.strangers'],
];

export function detailText(detail: string): string {
  for (const [form, key] of DETAILS) {
    const [found, a = '', b = '', c = ''] = form.exec(detail) ?? [];
    if (found) return t(key, { a, b, c });
  }
  return detail;
}

export function evidenceSentence(e: Evidence): string {
  const key = `says.${e.feature}`;
  if (!hasText(key) || e.observed === null) return cut(e.sentence, 1200);
  const add = (then: Key, params: Params): void => {
    text = t(then, { text, ...params });
  };
  let text = t(key, { observed: amount(e.observed, e.unit), peer: e.peer ? cut(e.peer, 120) : t('evidence.others') });
  if (e.detail) add('evidence.detail', { detail: cut(detailText(e.detail), 300) });
  if (NEVER.has(e.feature)) add('evidence.never', {});
  else if (!PLAIN.has(e.feature) && e.expected !== null) {
    const most = e.high !== null && e.high > e.expected;
    add(most ? 'evidence.usualMost' : 'evidence.usual', { expected: amount(e.expected, e.unit), high: amount(e.high, e.unit) });
  }
  if (e.all_users && (e.peer_users ?? 0) <= 1) add('evidence.aloneUser', {});
  else if (e.all_users) add('evidence.popularUsers', { n: e.peer_users ?? 0, all: e.all_users });
  else if (e.all_devices && (e.peer_devices ?? 0) <= 1) add('evidence.alone', {});
  else if (e.all_devices) add('evidence.popular', { n: e.peer_devices ?? 0, all: e.all_devices });
  return text;
}
