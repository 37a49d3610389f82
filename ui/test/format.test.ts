// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cut, formatAgo, formatBytes, formatDuration, formatNumber, formatTime, formatUnit, fromLocalInput, severity, toLocalInput, visible, zoneOffsetMin } from '../src/lib/format';

test('bytes step by 1000 and never show 1000 of a unit', () => {
  assert.equal(formatBytes(0, 'en'), '0 B');
  assert.equal(formatBytes(999.6, 'en'), '1 kB');
  assert.equal(formatBytes(2.14e9, 'en'), '2.14 GB');
  assert.equal(formatBytes(5e18, 'en'), '5,000 PB');
  assert.equal(formatBytes(NaN, 'en'), '–');
});

test('numbers: three digits when small, whole when large', () => {
  assert.equal(formatNumber(0.2345, 'en'), '0.235');
  assert.equal(formatNumber(123456.7, 'en'), '123,457');
});

test('durations: two units at most', () => {
  assert.equal(formatDuration(0, 'en'), '0 sec');
  assert.equal(formatDuration(0.143, 'en'), '143 ms');
  assert.equal(formatDuration(61, 'en'), '1 min 1 sec');
  assert.equal(formatDuration(90000, 'en'), '1 day 1 hr');
  assert.equal(formatDuration(86401, 'en'), '1 day');
  assert.equal(formatDuration(-61, 'en'), '−1 min 1 sec');
});

test('a unit of its own form: bytes, seconds, counts, unknown values', () => {
  assert.equal(formatUnit(8.4e7, 'B', 'en'), '84 MB');
  assert.equal(formatUnit(90, 's', 'en'), '1 min 30 sec');
  assert.equal(formatUnit(12, 'hosts', 'en'), '12 hosts');
  assert.equal(formatUnit(12, 'hosts', 'ja'), '12');
  assert.equal(formatUnit(null, 'B', 'en'), '–');
});

test('times in the zone that is asked for', () => {
  const t = '2026-11-29T23:30:00Z';
  assert.equal(formatTime(t, 'exact', 'en', 'UTC'), '2026-11-29 23:30:00');
  assert.equal(formatTime(t, 'exact', 'ja', 'Asia/Tokyo'), '2026-11-30 08:30:00');
  assert.equal(formatTime(t, 'clock', 'en', 'America/New_York'), '18:30');
  assert.equal(formatTime(null, 'full', 'en', 'UTC'), '–');
  assert.equal(formatTime('<b>not a time</b>', 'full', 'en', 'UTC'), '<b>not a time</b>');
});

test('ago: the largest unit that fits', () => {
  const now = Date.parse('2026-11-29T12:00:00Z');
  assert.equal(formatAgo('2026-11-29T11:59:15Z', now, 'en'), '45 seconds ago');
  assert.equal(formatAgo('2026-11-29T09:00:00Z', now, 'en'), '3 hours ago');
  assert.equal(formatAgo('2026-11-28T11:00:00Z', now, 'en'), 'yesterday');
  assert.equal(formatAgo('2026-11-29T11:55:00Z', now, 'ja'), '5 分前');
  assert.equal(formatAgo(null, now, 'en'), '–');
});

test('local inputs: there and back, in zones with half hours and across a change of the clock', () => {
  for (const zone of ['UTC', 'Europe/Zurich', 'Asia/Kolkata', 'America/St_Johns'])
    for (const t of ['2026-03-29T00:30:00Z', '2026-07-01T12:00:01Z', '2026-10-25T03:30:00Z']) {
      const ms = Date.parse(t);
      assert.equal(fromLocalInput(toLocalInput(ms, zone), zone), ms, `${zone} ${t}`);
    }
  assert.equal(zoneOffsetMin(Date.parse('2026-07-01T00:00:00Z'), 'Europe/Zurich'), 120);
  assert.equal(fromLocalInput('nonsense', 'UTC'), null);
});

test('severity follows the score', () => {
  assert.deepEqual([0, 39.9, 40, 60, 80, 100].map(severity), [0, 0, 1, 2, 3, 3]);
});

test('foreign text: controls and direction marks are shown, long text is cut', () => {
  assert.equal(visible('a\u202Eb\u0000c\nd'), 'a\uFFFDb\u2400c\u240Ad');
  assert.equal(visible('plain – 日本 שלום'), 'plain – 日本 שלום');
  assert.equal(cut('x'.repeat(400), 10), `${'x'.repeat(10)}…`);
});
