// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTooWide, peerWays, reasonFits, scopeOf, usualChoice } from '../src/lib/permit';

const model = { id: 'data-exfiltration', name: 'N', description: 'D', version: 1, technique: 'T1041', tactic: 'exfiltration' };
const device = { id: 'dabcdefghij' };
const outside = { device, model, peer: { ip: '192.0.2.1', host: 'a.example.com', domain: 'example.com', port: 443, inside: false } };

test('permit: by default this device, this model, this registered domain', () => {
  assert.deepEqual(peerWays(outside), ['domain', 'host', 'address', 'any']);
  assert.deepEqual(scopeOf(outside, usualChoice(outside)), { device: 'dabcdefghij', model: 'data-exfiltration', domain: 'example.com' });
  assert.deepEqual(scopeOf(outside, { device: false, models: 'tactic', peer: 'address', port: true }), { tactic: 'exfiltration', address: '192.0.2.1', port: 443 });
});

test('permit: a finding about no peer, or one without a name', () => {
  const alone = { device, model, peer: null };
  assert.deepEqual(peerWays(alone), ['any']);
  assert.deepEqual(scopeOf(alone, usualChoice(alone)), { device: 'dabcdefghij', model: 'data-exfiltration' });
  assert.deepEqual(peerWays({ device, model, peer: { ip: '10.0.0.1', host: null, port: 445, inside: true } }), ['address', 'any']);
  assert.deepEqual(scopeOf(outside, { device: true, models: 'any', peer: 'any', port: true }), { device: 'dabcdefghij' }, 'a port of any peer is nobody’s choice');
});

test('permit: never everything', () => {
  assert.equal(isTooWide({ device: false, models: 'model', peer: 'any', port: true }), true);
  assert.equal(isTooWide({ device: false, models: 'any', peer: 'host', port: false }), false);
  assert.equal(isTooWide({ device: true, models: 'any', peer: 'any', port: false }), false);
});

test('permit: a reason is measured in bytes', () => {
  assert.equal(reasonFits('a'.repeat(240)), true);
  assert.equal(reasonFits('毎'.repeat(80)), true);
  assert.equal(reasonFits('毎'.repeat(81)), false);
});
