// SPDX-License-Identifier: Apache-2.0
// Which columns a list of events shows. An answer has every field of every kind in it; shown are time, kind and
// what was chosen, else the fields that tell most and that these events have.
import type { Column } from '../api';

export const TIME: Column = { name: '_time', type: 'time', unit: '' };
export const KIND: Column = { name: '_kind', type: 'string', unit: '' };
const MOST = 9;
const LEAST = 4;
const TELLING = [
  'id.orig_h', 'id.resp_h', 'id.resp_p', 'service', 'query', 'server_name', 'host', 'uri', 'conn_state', 'orig_bytes',
  'resp_bytes', 'duration', 'qtype_name', 'rcode_name', 'user', 'client', 'name', 'filename', 'mime_type', 'operation', 'mac',
  'assigned_addr', 'host_name', 'feature', 'observed', 'expected',
];
const DULL = new Set(['ts', 'uid', 'fuid', 'id.orig_p', 'proto', 'local_orig', 'local_resp', 'community_id']);

const has = (rows: readonly Record<string, unknown>[], name: string): boolean =>
  rows.some((r) => r[name] !== null && r[name] !== undefined && r[name] !== '');

export function pickColumns(all: readonly Column[], rows: readonly Record<string, unknown>[], chosen: readonly string[]): Column[] {
  const fields = all.filter((c) => !c.name.startsWith('_'));
  const named = (name: string): Column => fields.find((c) => c.name === name) ?? { name, type: 'string', unit: '' };
  if (chosen.length) return [TIME, KIND, ...chosen.filter((n) => !n.startsWith('_')).map(named)];
  const known = new Set(fields.map((c) => c.name));
  const names = TELLING.filter((n) => known.has(n) && has(rows, n)).slice(0, MOST);
  for (const c of fields)
    if (names.length < LEAST && !names.includes(c.name) && !DULL.has(c.name) && has(rows, c.name)) names.push(c.name);
  return [TIME, KIND, ...names.map(named)];
}
