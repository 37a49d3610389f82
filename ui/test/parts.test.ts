// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Breach } from '../src/api';
import { techniqueName } from '../src/lib/attack';
import { pickColumns } from '../src/lib/columns';
import { byId } from '../src/lib/distinct';
import { questionOf, searchUrl } from '../src/lib/events';
import { measuresOf } from '../src/lib/features';
import { match } from '../src/lib/match';
import { bound, resolve } from '../src/lib/range';
import { niceTop, position, scaleFor } from '../src/lib/scale';
import { savedUrl } from '../src/lib/saved';
import { sentences } from '../src/lib/sentences';

test('sentences: full stops in names and numbers end nothing', () => {
  assert.deepEqual(sentences('ws-1.example sent 2.1 GB to a.b.example. dc-01 was reached. And 3 weaker findings.'), [
    'ws-1.example sent 2.1 GB to a.b.example.',
    'dc-01 was reached.',
    'And 3 weaker findings.',
  ]);
  assert.deepEqual(sentences(''), []);
});

test('match: parts of a path, decoded; no match for more or fewer', () => {
  assert.deepEqual(match('/incidents/:id', '/incidents/a%2Fb'), { id: 'a/b' });
  assert.deepEqual(match('/incidents', '/incidents/'), {});
  assert.deepEqual(match('/', '/'), {});
  assert.equal(match('/incidents', '/incidents/1'), null);
  assert.equal(match('/incidents/:id', '/incidents/%E0%A4%A'), null);
});

test('range: counted back from now, fixed, open, unreadable', () => {
  const now = Date.parse('2026-11-29T12:00:00Z');
  assert.equal(bound('-24h', now), '2026-11-28T12:00:00.000Z');
  assert.equal(bound('2026-11-01T00:00:00Z', now), '2026-11-01T00:00:00.000Z');
  assert.equal(bound('', now), undefined);
  assert.equal(resolve('-5x', now), null);
});

test('scale: logarithmic only when values lie far apart, always inside', () => {
  assert.equal(scaleFor([1, 5, 10]).log, false);
  const far = scaleFor([0.2, 3, 58, null]);
  assert.equal(far.log, true);
  assert.equal(position(far, 0), 0);
  assert.equal(position(far, 58), 1);
  assert.ok(position(far, 3) > position(far, 0.2));
  assert.equal(position(scaleFor([0, 0]), 5), 1);
  assert.equal(position(scaleFor([NaN, null]), -1), 0);
  assert.equal(niceTop(2580), 3000);
  assert.equal(niceTop(0), 1);
});

test('question of a breach: device, peer, and the time of all its evidence', () => {
  const breach = {
    device: { id: '00ab' }, peer: { ip: '2001:db8::1', host: 'x' }, start: '2026-11-29T10:00:00Z', end: '2026-11-29T11:00:00Z',
    evidence: [{ first: '2026-11-29T09:30:00Z', last: '2026-11-29T10:30:00Z' }],
  } as unknown as Breach;
  const q = questionOf(breach);
  assert.equal(q.q, 'device:00ab ip:"2001:db8::1"');
  assert.deepEqual([q.from, q.to], ['2026-11-29T09:29:00.000Z', '2026-11-29T11:01:00.000Z']);
  assert.equal(new URL(searchUrl(q), 'https://x').searchParams.get('q'), q.q);
  const named = (host: string): string => questionOf({ ...breach, peer: { host } }).q;
  assert.equal(named('tunnel.example'), 'device:00ab (host:tunnel.example OR host:*.tunnel.example)');
  assert.equal(named('a b*'), 'device:00ab host:"a b*"');
});

test('small things: measures once each, ids once, technique names with their parent', () => {
  assert.deepEqual(measuresOf(['beacon', 'beacon-slow', 'bytes-out']), ['connections-out', 'bytes-out']);
  assert.deepEqual(byId([{ id: 1, a: 1 }, { id: 2, a: 2 }, { id: 1, a: 3 }]).map((x) => x.a), [1, 2]);
  assert.equal(techniqueName('T1071.001'), 'Application Layer Protocol: Web Protocols');
  assert.equal(techniqueName('T9999'), '');
});

test('columns: the telling fields that the events have, or the chosen ones, behind time and kind', () => {
  const column = (name: string): { name: string; type: string; unit: string } => ({ name, type: 'string', unit: '' });
  const all = ['ts', 'uid', 'id.orig_h', 'query', 'service', 'odd'].map(column);
  const names = (rows: Record<string, unknown>[], chosen: string[] = []): string[] => pickColumns(all, rows, chosen).map((c) => c.name);
  assert.deepEqual(names([{ ts: 'x', 'id.orig_h': '10.0.0.1', query: 'a', service: null }]), ['_time', '_kind', 'id.orig_h', 'query']);
  assert.deepEqual(names([{ ts: 'x', uid: 'C1', odd: 1 }]), ['_time', '_kind', 'odd']);
  assert.deepEqual(names([], ['uid', '_time', 'nowhere']), ['_time', '_kind', 'uid', 'nowhere']);
});

test('a kept search: its address asks the same again, and an open beginning stays open', () => {
  assert.equal(savedUrl({ q: 'ip:10.0.0.1 AND "a b"', from: '-1h', to: '', kind: 'conn,dns', columns: '' }), '/search?q=ip%3A10.0.0.1+AND+%22a+b%22&from=-1h&kind=conn%2Cdns');
  assert.equal(savedUrl({ q: '', from: '', to: '', kind: '', columns: '' }), '/search?q=&from=');
});
