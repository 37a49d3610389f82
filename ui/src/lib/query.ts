// SPDX-License-Identifier: Apache-2.0
// The search language as the box sees it: enough of a lexer to colour and complete a term, and to add or
// take away a condition. The server alone decides what a query means.
import type { Fields } from '../api';

export type TokenKind = 'word' | 'term' | 'operator' | 'paren';
export interface Token {
  kind: TokenKind;
  start: number;
  end: number;
  /** Of a term: name, and where its value begins. */
  field?: string;
  valueStart?: number;
}

const OPERATORS = new Set(['AND', 'OR', 'NOT']);

/** End of the quoted string that begins at `i`; the end of the text when it is not closed. */
function quotedEnd(text: string, i: number): number {
  for (let j = i + 1; j < text.length; j++) {
    if (text[j] === '\\') j++;
    else if (text[j] === '"') return j + 1;
  }
  return text.length;
}

export function tokens(text: string): Token[] {
  const out: Token[] = [];
  let i = 0;
  while (i < text.length) {
    const c = text[i] ?? '';
    if (/\s/.test(c)) {
      i++;
      continue;
    }
    if (c === '(' || c === ')') {
      out.push({ kind: 'paren', start: i, end: ++i });
      continue;
    }
    const start = i;
    let colon = -1;
    while (i < text.length && !/[\s()]/.test(text[i] ?? '')) {
      if (text[i] === '"') i = quotedEnd(text, i);
      else {
        if (text[i] === ':' && colon < 0) colon = i;
        i++;
      }
    }
    const word = text.slice(start, i);
    const name = colon > start ? text.slice(start, colon) : '';
    if (OPERATORS.has(word)) out.push({ kind: 'operator', start, end: i });
    else if (/^-?[A-Za-z_][\w.]*$/.test(name))
      out.push({ kind: 'term', start, end: i, field: name.replace(/^-/, ''), valueStart: colon + 1 });
    else out.push({ kind: 'word', start, end: i });
  }
  return out;
}

export interface Suggestion {
  insert: string;
  help: string;
  kinds: string;
}
export interface Completion {
  start: number;
  end: number;
  items: Suggestion[];
}

/** Names that are not a field of one kind. */
export const COMMON = ['ip', 'port', 'host', 'user', 'mac', 'device', 'entity', 'kind', 'time'] as const;
const VALUES: Record<string, string[]> = {
  proto: ['tcp', 'udp', 'icmp'],
  conn_state: ['S0', 'S1', 'SF', 'REJ', 'S2', 'S3', 'RSTO', 'RSTR', 'RSTOS0', 'RSTRH', 'SH', 'SHR', 'OTH'],
  qtype_name: ['A', 'AAAA', 'CNAME', 'HTTPS', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'],
  rcode_name: ['NOERROR', 'NXDOMAIN', 'SERVFAIL', 'REFUSED'],
  method: ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'CONNECT', 'OPTIONS'],
};
const MAX_ITEMS = 12;

interface Known { name: string; type: string; help: string; kinds: string[] }

export function knownFields(fields: Fields, kinds: readonly string[] = []): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const kind of fields.kinds) {
    if (kinds.length && !kinds.includes(kind.name)) continue;
    for (const field of kind.fields) {
      const have = known.get(field.name);
      if (have) have.kinds.push(kind.name);
      else known.set(field.name, { name: field.name, type: field.type, help: field.help, kinds: [kind.name] });
    }
  }
  return known;
}

function rank(name: string, typed: string): number {
  const n = name.toLowerCase();
  if (n.startsWith(typed)) return 0;
  return n.split(/[._]/).some((part) => part.startsWith(typed)) ? 1 : n.includes(typed) ? 2 : 3;
}

/** What may stand at `caret`: fields, operators, or the values of a field that has few. */
export function complete(text: string, caret: number, fields: Fields, kinds: readonly string[] = []): Completion {
  const token = tokens(text).find((x) => x.start < caret && caret <= x.end && x.kind !== 'paren');
  const start = token?.start ?? caret;
  const known = knownFields(fields, kinds);
  if (token?.kind === 'term' && token.valueStart !== undefined && caret >= token.valueStart) {
    const field = token.field ?? '';
    const typed = text.slice(token.valueStart, caret).toLowerCase();
    const values = VALUES[field] ?? (known.get(field)?.type === 'bool' ? ['true', 'false'] : []);
    return {
      start: token.valueStart,
      end: token.end,
      items: values
        .filter((v) => v.toLowerCase().startsWith(typed) && v.toLowerCase() !== typed)
        .map((v) => ({ insert: v, help: '', kinds: '' })),
    };
  }
  const typed = text.slice(start, caret).replace(/^-/, '').toLowerCase();
  if (typed.startsWith('"')) return { start, end: caret, items: [] };
  const sign = text[start] === '-' && typed ? '-' : '';
  const candidates: (Suggestion & { name: string })[] = [
    ...COMMON.map((name) => ({ name, insert: `${sign}${name}:`, help: '', kinds: '' })),
    ...[...known.values()].map((f) => ({
      name: f.name, insert: `${sign}${f.name}:`, help: f.help,
      kinds: f.kinds.length > 4 ? `${f.kinds.slice(0, 3).join(', ')} +${f.kinds.length - 3}` : f.kinds.join(', '),
    })),
  ];
  const items = candidates
    .filter((c, i) => rank(c.name, typed) < 3 && candidates.findIndex((o) => o.name === c.name) === i)
    .sort((a, b) => rank(a.name, typed) - rank(b.name, typed) || a.name.length - b.name.length || a.name.localeCompare(b.name))
    .slice(0, MAX_ITEMS)
    .map(({ insert, help, kinds: of }) => ({ insert, help, kinds: of }));
  if (typed && 'and or not'.split(' ').some((o) => o.startsWith(typed)))
    for (const o of OPERATORS) if (o.toLowerCase().startsWith(typed)) items.push({ insert: `${o} `, help: '', kinds: '' });
  return { start, end: token?.end ?? caret, items };
}

/** The server counts bytes of UTF-8; the box counts UTF-16 units. */
export function unitsOfBytes(text: string, bytes: number): number {
  let seen = 0;
  let units = 0;
  for (const c of text) {
    if (seen >= bytes) break;
    seen += new TextEncoder().encode(c).length;
    units += c.length;
  }
  return units;
}

/** A value as the language writes it exactly: quoted unless it is plain. */
export function quote(value: string): string {
  return /^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(value) && !OPERATORS.has(value) && !value.includes('..')
    ? value
    : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** `text` with the condition field:value, or its refusal; a contrary one goes, the same stays once. */
export function addCondition(text: string, field: string, value: string, without: boolean): string {
  const plain = `${field}:${quote(value)}`;
  const parts = topLevel(text);
  if (parts === null) return `(${text.trim()}) ${without ? 'NOT ' : ''}${plain}`;
  const kept = parts.filter((p) => p !== plain && p !== `NOT ${plain}`);
  return [...kept, without ? `NOT ${plain}` : plain].join(' ');
}

/** The conditions of a query that only joins (implicit AND); null when it has OR at its top. */
function topLevel(text: string): string[] | null {
  const out: string[] = [];
  let depth = 0;
  let start = -1;
  let negate = false;
  for (const x of tokens(text)) {
    const word = text.slice(x.start, x.end);
    if (x.kind === 'paren') {
      if (word === '(' && depth++ === 0) start = x.start;
      else if (word === ')' && --depth === 0) {
        out.push((negate ? 'NOT ' : '') + text.slice(start, x.end));
        negate = false;
      }
      if (depth < 0) return null;
      continue;
    }
    if (depth > 0) continue;
    if (x.kind === 'operator') {
      if (word === 'OR') return null;
      if (word === 'NOT') negate = !negate;
      continue;
    }
    out.push((negate ? 'NOT ' : '') + word);
    negate = false;
  }
  return depth === 0 ? out : null;
}
