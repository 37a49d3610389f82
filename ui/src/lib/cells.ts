// SPDX-License-Identifier: Apache-2.0
// Values of events as text: for a cell (formatted), and for a condition of a query (exact).
import type { Column } from '../api';
import { amount, when } from './show.svelte';

/** An event: its fields by Zeek's names, and _kind, _time, _id, _entity. */
export type Row = Record<string, unknown>;

/** Foreign control characters are shown, not obeyed: they could hide or reorder what is beside them. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

export function rawText(value: unknown, type: string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((v) => rawText(v, type)).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value as number | boolean);
}

export function cellText(value: unknown, column: Column): string {
  if (value === null || value === undefined) return '';
  if (column.name === '_time' || column.type === 'time') {
    return typeof value === 'string' || typeof value === 'number' ? when(value, 'exact') : '';
  }
  if (typeof value === 'number' && (column.unit === 'B' || column.unit === 's')) return amount(value, column.unit);
  return visible(rawText(value, column.type));
}
