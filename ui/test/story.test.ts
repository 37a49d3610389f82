// SPDX-License-Identifier: Apache-2.0
// Sentences, titles and stories in both languages, from the structured findings of the API.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import type { BreachShort, Evidence, GroupEventShort, IncidentDetail } from '../src/api';
import { DETAILS, detailText, evidenceSentence } from '../src/lib/evidence';
import { groupSentence } from '../src/lib/groups';
import { deviceUrl } from '../src/lib/names';
import { scopeOf } from '../src/lib/permit';
import { i18n, namesOf } from '../src/lib/i18n.svelte';
import { incidentSummary, incidentTitle, story, told } from '../src/lib/story';

const root = join(process.cwd(), '..');
beforeEach(() => i18n.load('en'));

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

test('a sentence says what, against what, and how common the peer is, in both languages', async () => {
  assert.equal(evidenceSentence(evidence()), 'sent 2.1 GB to evil.example in an hour; usually about 12 kB, at most 48 kB; no other device uses it');
  assert.equal(evidenceSentence(evidence({ feature: 'new-destination', unit: 'destinations', peer_devices: 3 })), 'connected to evil.example, for the first time; 3 of 60 devices use it');
  assert.equal(evidenceSentence(evidence({ feature: 'logins-failed', unit: 'logins', observed: 1, expected: 1, high: 1, all_devices: 0 })), 'failed 1 login in an hour; usually about 1 login');
  await i18n.load('ja');
  assert.equal(evidenceSentence(evidence()), '1時間にevil.exampleへ2.1 GBを送信。通常は約12 kB、多くて48 kB。他に使うデバイスはない');
  assert.equal(evidenceSentence(evidence({ feature: 'beacon', unit: 'connections', observed: 12, detail: 'on average every 60 s, intervals vary by 8 %', all_devices: 0 })), 'evil.exampleへ規則的な間隔で12回接続(平均60秒ごと、間隔のばらつき8 %)');
});

test('of two languages that are chosen, the last is shown', async () => {
  await Promise.all([i18n.load('ja'), i18n.load('en')]);
  assert.equal(i18n.language, 'en');
  assert.deepEqual(namesOf('frame.zone'), ['instance', 'browser']);
});

test('what the catalogue does not know is told in the server’s words', async () => {
  await i18n.load('ja');
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

test('every detail that is a sentence is still made so by the core', () => {
  const learn = join(root, 'lib/learn');
  const source = readdirSync(learn).filter((f) => f.endsWith('.c')).map((f) => readFileSync(join(learn, f), 'utf8')).join('\n');
  const formats = [...source.matchAll(/(?:snprintf\(\s*(?:s->detail, sizeof\(s->detail\)|th_part_words\(a->part, n\)->text, TH_NOTE_DETAIL_LEN),\s*|\.detail = )"([^"]+)"/g)].map((m) => (m[1] ?? '').replace(/%\.\d+s/g, 'x').replace(/%(\.(?:\d+|\*)g|u|d|\.0f|lld)/g, '7').replaceAll('%%', '%'));
  for (const [form, key] of DETAILS) assert.ok(formats.some((f) => form.test(f)), `${key}: none of ${formats.join(' | ')}`);
});

test('title: model, device, peer and how many others', async () => {
  const x = incident([breach('data-exfiltration', 'exfiltration')], { devices: [{ id: 'd1' }, { id: 'd2' }, { id: 'd3' }] });
  assert.equal(incidentTitle(x), 'Much data sent to one destination: ws-1 and evil.example, with 2 other devices');
  await i18n.load('ja');
  assert.equal(incidentTitle(x), '単一宛先への大量送信: ws-1 と evil.example、ほか2台');
});

test('a user stands where a device stands', async () => {
  await i18n.load('en');
  const reason = evidence({ feature: 'user-new-target', peer: 'files', detail: '', all_devices: 0, peer_users: 1, all_users: 40 });
  const lead = breach('credential-from-unusual-device', 'lateral-movement', { device: { id: 'd1', hostname: 'ws-1' }, user: { id: 'u1', name: 'anna' }, peer: { host: 'files', inside: true }, reason });
  const x = incident([lead], { devices: [{ id: 'd1', hostname: 'ws-1' }, { id: 'd2' }], users: [{ id: 'u1', name: 'anna' }] });
  assert.equal(incidentTitle(x), 'Credential used from a strange device for a strange host: user anna and files, with 1 other device');
  assert.match(incidentSummary(x), /, user anna logged in to files, for the first time; no other user uses it\.$/);
  const nowhere = breach('spray-against-one-account', 'credential-access', { device: null, user: { id: 'u2', name: null }, peer: null });
  assert.match(incidentTitle(incident([nowhere], { devices: [] })), /: user u2$/);
  assert.equal(deviceUrl('u2'), '/credentials/u2');
  assert.deepEqual(scopeOf(nowhere, { device: true, models: 'model', peer: 'any', port: false }), { device: 'u2', model: 'spray-against-one-account' });
});

test('a device has the name that is known now, not that of the hour of a breach', () => {
  const nameless = breach('data-exfiltration', 'exfiltration', { device: { id: 'd1', ip: '10.0.0.5' } });
  assert.match(incidentTitle(incident([nameless])), /: ws-1 and evil\.example$/);
  assert.match(incidentSummary(incident([nameless])), /, ws-1 sent/);
  assert.match(incidentTitle(incident([nameless], { devices: [{ id: 'd1', ip: '10.0.0.5' }] })), /: 10\.0\.0\.5 and/);
});

test('story: phases in the order of an attack, what a device did by one measure in one line', () => {
  const scan = breach('internal-scan', 'discovery', { score: 60 });
  const strongest = breach('data-exfiltration', 'exfiltration', { time: '2026-11-29T21:15:00Z', score: 90, peer: { host: 'other.example' }, reason: evidence({ peer: 'other.example' }) });
  const x = incident([
    breach('data-exfiltration', 'exfiltration'),
    scan,
    strongest,
    breach('internal-scan', 'discovery'),
    breach('another-model', 'discovery', { start: scan.start }),
  ]);
  assert.deepEqual(told(x.timeline).map((s) => [s.lead.score, s.peers, s.count]), [[90, 1, 2], [60, 0, 2]]);
  const lines = story(x);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^Discovery: .+, ws-1 sent .+ \(2 times in this incident\)\.$/);
  assert.match(lines[1] ?? '', /^Exfiltration: .+ to other\.example .+; the same with 1 other peer\.$/);
  assert.match(lines[1] ?? '', /29 Nov, 21:15/, 'the time is of what is told, not of a weaker one before');
  assert.match(incidentSummary(x), /ws-1 sent 2\.1 GB to evil\.example/);
});

test('story: the strongest twelve, and how many are left out', () => {
  const models = namesOf('model').slice(0, 14);
  const lines = story(incident(models.map((m) => breach(m, 'impact', { reason: evidence({ feature: `model.${m}` }) }))));
  assert.equal(lines.length, 13);
  assert.equal(lines[12], 'And 2 weaker findings.');
});

test('what a group did: how many, what, when, and what they share, in both languages', async () => {
  const event: GroupEventShort = {
    id: 'g', start: '2026-11-29T10:00:00Z', end: '2026-11-29T11:00:00Z', first: '', last: '', group: 'client', feature: 'bytes-out', features: ['bytes-out'],
    devices: 40, did: 38, of: 172, usual: 2.4, shared: [{ kind: 'destination', text: 'update.example', devices: 36 }], discounted: true, score: 30, alert: false, sentence: '',
  };
  assert.match(groupSentence(event), /^38 of 172 clients sent more to outside than usual between .*10:00 and 11:00; 36 had to do with update\.example$/);
  assert.match(groupSentence({ ...event, group: 'server', shared: [], feature: 'clients' }), /^38 of 172 servers stood out by .* between .*10:00 and 11:00$/);
  await i18n.load('ja');
  assert.match(groupSentence(event), /10:00〜11:00、クライアント172台中38台: 外部への送信量が普段より多い。36台がupdate\.exampleに関係$/);
});
