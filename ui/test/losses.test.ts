// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source } from '../src/api';
import { lossOf } from '../src/lib/losses';

test('loss: one figure of packets and events', () => {
  const source: Source = { sensor: 's', name: 'n', status: 'authorised', last_batch: null, rate_events_s: 0, lag_s: null, clock_offset_s: 0, batches: 0, events: 900 };
  assert.deepEqual(lossOf(source), { packets: 0, events: 0, share: 0 });
  const lost = { spool_dropped: 100, capture_drops: 500, gaps: 1 };
  assert.equal(lossOf({ ...source, lost }).events, 100);
  const report = { sensor: 's', heard: '', packets: 500, drops: 500, events: 0, events_lost: 0, spool_bytes: 0, spool_limit_bytes: 1, spool_dropped: 0, queue: 0, resent: 0, refused: 0, interfaces: 1, interfaces_down: 0 };
  assert.ok(Math.abs(lossOf({ ...source, lost, report }).share - 0.55) < 1e-9, 'half of the packets, then a tenth of the events');
  assert.equal(lossOf({ ...source, lost, report: { ...report, spool_dropped: 150, events_lost: 1 } }).events, 151);
});
