// SPDX-License-Identifier: Apache-2.0
// Formatting bound to the language and zone that are chosen, and a clock for "ago" that ticks gently.
import * as f from './format';
import { i18n } from './i18n.svelte';
import { session } from './session.svelte';
import { remember, remembered } from './storage';

class Clock {
  now = $state(Date.now());
  zoneChoice = $state<'instance' | 'browser'>(remembered('zone') === 'browser' ? 'browser' : 'instance');
  readonly browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  zone = $derived.by(() => {
    const wanted = this.zoneChoice === 'instance' ? (session.value?.instance.time_zone ?? 'UTC') : this.browserZone;
    try {
      new Intl.DateTimeFormat('en', { timeZone: wanted });
      return wanted;
    } catch {
      return 'UTC';
    }
  });

  constructor() {
    setInterval(() => (this.now = Date.now()), 10_000);
  }
  choose(zone: 'instance' | 'browser'): void {
    this.zoneChoice = zone;
    remember('zone', zone);
  }
}
export const clock = new Clock();

export const num = (v: number): string => f.formatNumber(v, i18n.language);
export const compact = (v: number): string => f.formatCompact(v, i18n.language);
export const bytes = (v: number): string => f.formatBytes(v, i18n.language);
export const duration = (s: number | null | undefined): string => f.formatDuration(s ?? NaN, i18n.language);
export const amount = (v: number | null | undefined, unit: string): string => f.formatUnit(v, unit, i18n.language);
export const when = (time: string | number | null | undefined, style: f.TimeStyle = 'short'): string =>
  f.formatTime(time ?? null, style, i18n.language, clock.zone);
/** The end of what began at `from`: of the same day, by the clock alone. */
export const whenEnds = (from: string | null | undefined, to: string | null | undefined): string =>
  when(to, when(from, 'day') === when(to, 'day') ? 'clock' : 'short');
export const ago = (time: string | null | undefined): string => f.formatAgo(time ?? null, clock.now, i18n.language);
export const percent = (v: number): string =>
  new Intl.NumberFormat(i18n.language, { style: 'percent', maximumFractionDigits: 0 }).format(v);
/** A small share, of which "0 %" would be a lie. */
export const part = (v: number): string =>
  v > 0 && v < 0.0001 ? `< ${part(0.0001)}` : new Intl.NumberFormat(i18n.language, { style: 'percent', maximumSignificantDigits: 2 }).format(v);
