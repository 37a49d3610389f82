// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endsOf, wishOf, wishOfHost } from '../src/lib/packets';

const flow = { _kind: 'conn', _time: '2026-11-30T10:00:00Z', 'id.orig_h': '10.0.0.1', 'id.orig_p': 50000, 'id.resp_h': '2001:db8::7', 'id.resp_p': 443, proto: 'tcp', duration: 12.5 };

test('packets: of a flow, with a margin', () => {
  assert.deepEqual(wishOf(flow), { host: '10.0.0.1', peer: '2001:db8::7', port: 50000, peer_port: 443, proto: 6, from: '2026-11-30T09:59:30.000Z', to: '2026-11-30T10:00:42.500Z' });
  assert.equal(endsOf(wishOf(flow)!), '10.0.0.1:50000 – [2001:db8::7]:443');
});

test('packets: what is no port, no protocol, no flow', () => {
  const ping = wishOf({ ...flow, proto: 'icmp', 'id.orig_p': 8, 'id.resp_p': 0, duration: null });
  assert.deepEqual([ping?.proto, ping?.port, ping?.to], [1, undefined, '2026-11-30T10:00:30.000Z']);
  assert.equal(wishOf({ ...flow, proto: 'unknown_transport' })?.proto, 0);
  assert.equal(wishOf({ ...flow, 'id.orig_p': '<b>' })?.port, 0);
  for (const row of [{}, { ...flow, 'id.resp_h': null }, { ...flow, _time: 'then' }]) assert.equal(wishOf(row), null);
});

test('packets: of a host, before a moment', () => {
  assert.deepEqual(wishOfHost('10.0.0.1', '2026-11-30T10:00:00Z', 5), { host: '10.0.0.1', from: '2026-11-30T09:55:00.000Z', to: '2026-11-30T10:00:30.000Z' });
  assert.equal(wishOfHost('', '2026-11-30T10:00:00Z', 5), null);
  assert.equal(wishOfHost('10.0.0.1', '', 5), null);
});
