// SPDX-License-Identifier: Apache-2.0
// Scales of the small charts: 0 to 1 along an axis, linear or (values far apart) logarithmic.

export interface Scale {
  log: boolean;
  /** Smallest value that a logarithmic axis tells apart. */
  least: number;
  max: number;
}
const FAR_APART = 20;

export function scaleFor(values: (number | null)[]): Scale {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v) && v >= 0);
  const max = Math.max(0, ...known);
  const positive = known.filter((v) => v > 0).sort((a, b) => a - b);
  const least = positive[0] ?? 1;
  return { log: max / least > FAR_APART, least: least / 2, max: max > 0 ? max : 1 };
}

export function position(scale: Scale, value: number): number {
  if (!(value > 0)) return 0;
  const p = scale.log ? Math.log(1 + value / scale.least) / Math.log(1 + scale.max / scale.least) : value / scale.max;
  return Math.max(0, Math.min(1, p));
}

/** A round number at or above `value`, for the top of an axis. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((m) => m * step >= value) ?? 10) * step;
}
