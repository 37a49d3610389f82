// SPDX-License-Identifier: Apache-2.0
// A time range as the URL writes it: "-24h" counts back from now, anything else is a time; "" is open.

export interface Range { from: string; to: string }
export const PRESETS = ['-15m', '-1h', '-6h', '-24h', '-7d', '-30d'] as const;
const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `text`, or null when it is open or cannot be read. */
export function resolve(text: string, nowMs: number): number | null {
  const back = /^-(\d{1,5})([mhd])$/.exec(text);
  if (back) return nowMs - Number(back[1]) * (UNITS[back[2] ?? ''] ?? 0);
  const ms = Date.parse(text);
  return text === '' || Number.isNaN(ms) ? null : ms;
}

/** RFC 3339 for the API; undefined leaves it out. */
export function bound(text: string, nowMs: number): string | undefined {
  const ms = resolve(text, nowMs);
  return ms === null ? undefined : new Date(ms).toISOString();
}

/** "1h" of "-1h": for the name of a preset. */
export function presetParts(preset: string): { n: number; unit: 'minute' | 'hour' | 'day' } {
  const unit = preset.endsWith('m') ? 'minute' : preset.endsWith('h') ? 'hour' : 'day';
  return { n: Number(preset.slice(1, -1)), unit };
}
