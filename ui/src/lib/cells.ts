// SPDX-License-Identifier: Apache-2.0
// Values of events as text: for a cell (formatted), and for a condition of a query (exact).
import type { Column } from '../api';
import { visible } from './format';
import { amount, when } from './show.svelte';

/** More of a value does not help in a cell; the event has the whole. */
const MOST = 1000;

/** An event: its fields by Zeek's names, and _kind, _time, _id, _entity. */
export type Row = Record<string, unknown>;

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
  return visible(rawText(value, column.type).slice(0, MOST));
}
