// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source } from '../src/api';
import { keptOf, lossOf, memoryOf } from '../src/lib/losses';

test('loss: one figure of packets and events', () => {
  const source: Source = { sensor: 's', name: 'n', status: 'authorised', last_batch: null, rate_events_s: 0, lag_s: null, clock_offset_s: 0, batches: 0, events: 900 };
  assert.deepEqual(lossOf(source), { packets: 0, events: 0, share: 0 });
  const lost = { spool_dropped: 100, capture_drops: 500, gaps: 1 };
  assert.equal(lossOf({ ...source, lost }).events, 100);
  const report = { sensor: 's', heard: '', packets: 500, drops: 400, nic_lost: 100, copies: 0, excluded: 0, evicted: 0, bytes_given_up: 0, holes: 0, fragments_dropped: 0, analyses_given_up: 0, problems: [], unwatched_s: 0, events: 0, events_lost: 0, spool_bytes: 0, spool_limit_bytes: 1, spool_dropped: 0, queue: 0, resent: 0, refused: 0, interfaces: 1, interfaces_down: 0 };
  assert.ok(Math.abs(lossOf({ ...source, lost, report }).share - 0.55) < 1e-9, 'half of the packets, then a tenth of the events');
  assert.equal(lossOf({ ...source, lost, report: { ...report, spool_dropped: 150, events_lost: 1 } }).events, 151);
  assert.ok(Math.abs(lossOf({ ...source, report: { ...report, drops: 0, nic_lost: 1, packets: 3 } }).share - 0.25) < 1e-9, 'of four one was lost at the interface');
  assert.equal(lossOf({ ...source, report: { ...report, drops: 0, nic_lost: 0, excluded: 7, evicted: 7, bytes_given_up: 7, copies: 7 } }).share, 0, 'what is left out on purpose, or seen and not looked into, is no loss');
});

const report = { sensor: 's', heard: '', packets: 0, drops: 0, nic_lost: 0, copies: 0, excluded: 0, evicted: 0, bytes_given_up: 0, holes: 0, fragments_dropped: 0, analyses_given_up: 0, problems: [], unwatched_s: 0, events: 0, events_lost: 0, spool_bytes: 0, spool_limit_bytes: 1, spool_dropped: 0, queue: 0, resent: 0, refused: 0, interfaces: 1, interfaces_down: 0 };

test('loss: what was given up for want of memory is told, each for itself', () => {
  assert.deepEqual(memoryOf(report), []);
  assert.deepEqual(memoryOf({ ...report, holes: 2, analyses_given_up: 3, fragments_dropped: 4 }), [['stages.holes', 2], ['stages.analyses', 3], ['stages.fragments', 4]]);
});

test('kept packets: of a sensor that keeps some', () => {
  assert.equal(keptOf(report), null);
  const keeps = { ...report, kept_packets: 0, kept_bytes: 0, keep_limit_bytes: 1000, keep_dropped: 0, keep_oldest_s: 0, keep_failing: 0 };
  assert.deepEqual(keptOf(keeps), { packets: 0, bytes: 0, limit: 1000, since: null, dropped: 0, failing: false });
  assert.deepEqual(keptOf({ ...keeps, kept_packets: 3, kept_bytes: 10, keep_oldest_s: 1767610800, keep_dropped: 7, keep_failing: 1 }), { packets: 3, bytes: 10, limit: 1000, since: '2026-01-05T11:00:00.000Z', dropped: 7, failing: true });
});
