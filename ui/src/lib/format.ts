// SPDX-License-Identifier: Apache-2.0
// Numbers with their units and times, for people. Pure: language and zone are arguments.

const cache = new Map<string, Intl.NumberFormat>();
function numberFormat(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options);
  let format = cache.get(key);
  if (!format) cache.set(key, (format = new Intl.NumberFormat(language, options)));
  return format;
}

/** At most three significant digits below 1000, whole above. */
export function formatNumber(value: number, language: string): string {
  if (!Number.isFinite(value)) return '–';
  const small = Math.abs(value) < 1000;
  return numberFormat(language, small ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 }).format(value);
}

/** Short: 12.3K, 4.5M. */
export function formatCompact(value: number, language: string): string {
  if (!Number.isFinite(value)) return '–';
  return numberFormat(language, { notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
export function formatBytes(value: number, language: string): string {
  if (!Number.isFinite(value)) return '–';
  let step = 0;
  while (Math.abs(value) >= 999.5 && step < BYTES.length - 1) {
    value /= 1000;
    step++;
  }
  return `${numberFormat(language, { maximumSignificantDigits: 3 }).format(value)} ${BYTES[step]}`;
}

const SPANS: [Intl.RelativeTimeFormatUnit & ('day' | 'hour' | 'minute' | 'second'), number][] = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** 3 h 20 min: at most two units. */
export function formatDuration(seconds: number, language: string): string {
  if (!Number.isFinite(seconds)) return '–';
  const unit = (n: number, name: string): string =>
    numberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: 0 }).format(n);
  if (Math.abs(seconds) < 1) return seconds === 0 ? unit(0, 'second') : unit(Math.round(seconds * 1000), 'millisecond');
  let rest = Math.round(Math.abs(seconds));
  const parts: string[] = [];
  for (const [name, size] of SPANS) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n) parts.push(unit(n, name));
    else if (parts.length) break;
    if (parts.length === 2) break;
  }
  return (seconds < 0 ? '−' : '') + parts.join(' ');
}

/** "connections" of one: "connection". */
const singular = (unit: string): string => unit.replace(/ies$/, 'y').replace(/(ses|s)$/, (s) => (s === 'ses' ? 's' : ''));

/** `value` with the unit that the API gave it. */
export function formatUnit(value: number | null | undefined, unit: string, language: string): string {
  if (value === null || value === undefined) return '–';
  if (unit === 'B') return formatBytes(value, language);
  if (unit === 's') return formatDuration(value, language);
  const number = value >= 100000 ? formatCompact(value, language) : formatNumber(value, language);
  return unit && language === 'en' ? `${number} ${number === '1' ? singular(unit) : unit}` : number;
}

/** "exact" is 2026-11-29 18:55:02 in every language (the form that sv-SE has), to be compared and sorted by eye. */
export type TimeStyle = 'full' | 'short' | 'clock' | 'day' | 'exact';
const TIME: Record<TimeStyle, Intl.DateTimeFormatOptions> = {
  full: { dateStyle: 'medium', timeStyle: 'medium' },
  short: { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' },
  clock: { hour: '2-digit', minute: '2-digit' },
  day: { month: 'short', day: 'numeric' },
  exact: { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
};
const times = new Map<string, Intl.DateTimeFormat>();

export function formatTime(time: string | number | null, style: TimeStyle, language: string, zone: string): string {
  if (time === null) return '–';
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time).slice(0, 40);
  const key = style + language + zone;
  let format = times.get(key);
  if (!format) {
    const options: Intl.DateTimeFormatOptions = { ...TIME[style], hourCycle: 'h23', timeZone: zone };
    format = new Intl.DateTimeFormat(style === 'exact' ? 'sv-SE' : language === 'en' ? 'en-GB' : language, options);
    times.set(key, format);
  }
  return format.format(date);
}

/** "5 minutes ago". */
export function formatAgo(time: string | null, nowMs: number, language: string): string {
  if (time === null) return '–';
  const seconds = Math.round((Date.parse(time) - nowMs) / 1000);
  if (Number.isNaN(seconds)) return '–';
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [name, size] of SPANS)
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), name);
  return relative.format(0, 'second');
}

/** Minutes that `zone` is ahead of UTC at `ms`. */
export function zoneOffsetMin(ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(ms);
  const n = (type: string): number => Number(parts.find((p) => p.type === type)?.value ?? 0);
  const wall = Date.UTC(n('year'), n('month') - 1, n('day'), n('hour'), n('minute'), n('second'));
  return Math.round((wall - Math.floor(ms / 1000) * 1000) / 60000);
}

/** Value of a datetime-local input for `ms` in `zone`. */
export function toLocalInput(ms: number, zone: string): string {
  return new Date(ms + zoneOffsetMin(ms, zone) * 60000).toISOString().slice(0, 19);
}

/** The other way; null when it is not a time. At a change of the clock the later reading holds. */
export function fromLocalInput(text: string, zone: string): number | null {
  const wall = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  if (Number.isNaN(wall)) return null;
  const guess = wall - zoneOffsetMin(wall, zone) * 60000;
  return wall - zoneOffsetMin(guess, zone) * 60000;
}

/** 0 calm, 1 notable, 2 high, 3 critical. */
export function severity(score: number): 0 | 1 | 2 | 3 {
  return score >= 80 ? 3 : score >= 60 ? 2 : score >= 40 ? 1 : 0;
}

/** Foreign control characters are shown, not obeyed: they could hide or reorder what is beside them. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

/** Foreign text for display: made visible, and cut when it is long. */
export function cut(text: string, max = 300): string {
  return visible(text.length > max ? `${text.slice(0, max)}…` : text);
}
