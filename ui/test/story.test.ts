// SPDX-License-Identifier: Apache-2.0
// Sentences, titles and stories in both languages, from the structured findings of the API.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { BreachShort, Evidence, IncidentDetail } from '../src/api';
import { catalogue } from '../src/lib/catalogue';
import { DETAILS, detailText, evidenceSentence, NEVER, PLAIN } from '../src/lib/evidence';
import { i18n } from '../src/lib/i18n.svelte';
import { incidentSummary, incidentTitle, story, told } from '../src/lib/story';

const root = join(process.cwd(), '..');
afterEach(() => (i18n.language = 'en'));

const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  feature: 'upload', unit: 'B', observed: 2.1e9, expected: 12000, low: 0, high: 48000, p: 1e-6, peer: 'evil.example',
  peer_devices: 1, all_devices: 60, sentence: 'as the server says', ...more,
});
let made = 0;
const breach = (model: string, tactic: string, more: Partial<BreachShort> = {}): BreachShort => {
  const time = `2026-11-29T1${made % 10}:00:00Z`;
  return {
    id: `b${String(made++).padStart(3, '0')}`, time, start: time, end: time, score: 50, incident: 'i', device: { id: 'd1', hostname: 'ws-1' },
    peer: { host: 'evil.example', port: 443 }, model: { id: model, name: `name of ${model}`, description: '', version: 1, technique: 'T1041', tactic },
    reason: evidence(), sentence: 'as the server says', ...more,
  };
};
const incident = (timeline: BreachShort[], more: Partial<IncidentDetail> = {}): IncidentDetail => ({
  id: 'i', start: '', end: '', first_seen: '', updated: '', score: 80, alert: true, state: 'open', title: 'the server’s title', summary: 'The server’s summary.',
  devices: [{ id: 'd1', hostname: 'ws-1' }], breaches: [], tactics: [], timeline, ...(timeline[0] ? { lead: timeline[0] } : {}), ...more,
});

test('a sentence says what, against what, and how common the peer is, in both languages', () => {
  assert.equal(evidenceSentence(evidence()), 'sent 2.1 GB to evil.example in an hour; usually about 12 kB, at most 48 kB; no other device uses it');
  assert.equal(evidenceSentence(evidence({ feature: 'new-destination', unit: 'destinations', peer_devices: 3 })), 'connected to evil.example, for the first time; 3 of 60 devices use it');
  assert.equal(evidenceSentence(evidence({ feature: 'logins-failed', unit: 'logins', observed: 1, expected: 1, high: 1, all_devices: 0 })), 'failed 1 login in an hour; usually about 1 login');
  i18n.language = 'ja';
  assert.equal(evidenceSentence(evidence()), '1時間にevil.exampleへ2.1 GBを送信。通常は約12 kB、多くて48 kB。他に使うデバイスはない');
  assert.equal(evidenceSentence(evidence({ feature: 'beacon', unit: 'connections', observed: 12, detail: 'every 60 s, 12 of 15 intervals within 25 %', all_devices: 0 })), 'evil.exampleへ規則的な間隔で12回接続(60秒ごと、15間隔中12が±25 %以内)');
});

test('what the catalogue does not know is told in the server’s words', () => {
  i18n.language = 'ja';
  assert.equal(evidenceSentence(evidence({ feature: 'of-tomorrow' })), 'as the server says');
  assert.equal(evidenceSentence(evidence({ observed: null })), 'as the server says');
  assert.equal(detailText('JA4 t13d1516h2'), 'JA4 t13d1516h2');
  const own = breach('their-own-model', 'impact');
  assert.equal(incidentTitle(incident([own])), 'the server’s title');
  assert.deepEqual(story(incident([])), ['The server’s summary.']);
});

test('a sentence cannot be made of a stranger’s braces', () => {
  assert.match(evidenceSentence(evidence({ peer: '{observed}{text}\u202e' })), /^sent 2\.1 GB to \{observed\}\{text\}\ufffd in an hour/);
});

test('the catalogue tells every measure as the core does, and knows the same ones as new or plain', () => {
  const known = new Map(Object.entries(catalogue).filter(([k]) => k.startsWith('says.')).map(([k, v]) => [k.slice(5), v[0]]));
  const defs = [...readFileSync(join(root, 'lib/model/sentences.def'), 'utf8').matchAll(/^TH_SENTENCE\("([^"]+)", "([^"]+)", (\w+)\)/gm)];
  assert.ok(defs.length > 40);
  for (const [, feature = '', text = '', expect] of defs) {
    assert.equal(known.get(feature), text.replace('{o}', '{observed}').replace('{p}', '{peer}'), feature);
    assert.equal(NEVER.has(feature), expect === 'NEVER', feature);
    assert.equal(PLAIN.has(feature), expect === 'NONE', feature);
  }
  assert.equal(known.size, defs.length);
});

test('every detail that is a sentence is still made so by the core', () => {
  const learn = join(root, 'lib/learn');
  const source = readdirSync(learn).filter((f) => f.endsWith('.c')).map((f) => readFileSync(join(learn, f), 'utf8')).join('\n');
  const formats = [...source.matchAll(/snprintf\([ns]->detail, sizeof\([ns]->detail\), "([^"]+)"/g)].map((m) => (m[1] ?? '').replace(/%\.39s/g, 'x').replace(/%(\.\d+g|u|\.0f|lld)/g, '7').replaceAll('%%', '%'));
  for (const [form, key] of DETAILS) assert.ok(formats.some((f) => form.test(f)), `${key}: none of ${formats.join(' | ')}`);
});

test('title: model, device, peer and how many others', () => {
  const x = incident([breach('data-exfiltration', 'exfiltration')], { devices: [{ id: 'd1' }, { id: 'd2' }, { id: 'd3' }] });
  assert.equal(incidentTitle(x), 'Much data sent to one destination: ws-1 and evil.example, with 2 other devices');
  i18n.language = 'ja';
  assert.equal(incidentTitle(x), '単一宛先への大量送信: ws-1 と evil.example、ほか2台');
});

test('story: phases in the order of an attack, what a device did by one measure in one line', () => {
  const scan = breach('internal-scan', 'discovery', { score: 60 });
  const x = incident([
    breach('data-exfiltration', 'exfiltration'),
    scan,
    breach('data-exfiltration', 'exfiltration', { score: 90, peer: { host: 'other.example' }, reason: evidence({ peer: 'other.example' }) }),
    breach('internal-scan', 'discovery'),
    breach('another-model', 'discovery', { start: scan.start }),
  ]);
  assert.deepEqual(told(x.timeline).map((s) => [s.lead.score, s.peers, s.count]), [[90, 1, 2], [60, 0, 2]]);
  const lines = story(x);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^Discovery: .+, ws-1 sent .+ \(2 times in this incident\)\.$/);
  assert.match(lines[1] ?? '', /^Exfiltration: .+ to other\.example .+; the same with 1 other peer\.$/);
  assert.match(incidentSummary(x), /ws-1 sent 2\.1 GB to evil\.example/);
});

test('story: the strongest twelve, and how many are left out', () => {
  const models = Object.keys(catalogue).filter((k) => k.startsWith('model.')).slice(0, 14);
  const lines = story(incident(models.map((m) => breach(m.slice(6), 'impact', { reason: evidence({ feature: m }) }))));
  assert.equal(lines.length, 13);
  assert.equal(lines[12], 'And 2 weaker findings.');
});
