// SPDX-License-Identifier: Apache-2.0
// Title and story of an incident in the UI's language, from its breaches: phases in the order of an attack, each line
// what a device did by one measure. What is not known by the catalogue is told in the server's words.
import type { BreachShort, DeviceShort, IncidentDetail, IncidentShort } from '../api';
import { evidenceSentence } from './evidence';
import { cut } from './format';
import { hasText, namesOf, t } from './i18n.svelte';
import { actorOf, actorsOf, deviceName, modelName, peerHost, tacticName } from './names';
import { sentences } from './sentences';
import { when } from './show.svelte';

const MOST_LINES = 12;

/** A device as the incident knows it: a breach has the name of its own hour, when there was perhaps none yet. */
const nameIn = (x: IncidentShort, device: DeviceShort): string =>
  deviceName([...actorsOf(x), device].find((d) => d.id === device.id && d.hostname) ?? device);

export function incidentTitle(x: IncidentShort): string {
  const { lead } = x;
  if (!lead || !hasText(`model.${lead.model.id}`)) return cut(x.title, 300);
  const device = nameIn(x, actorOf(lead));
  const peer = peerHost(lead.peer);
  let who = peer ? t('incident.title.peer', { device, peer }) : device;
  // The device that a user was at is no other one.
  const n = x.devices.filter((d) => d.id !== lead.device?.id).length;
  if (n > 0) who = t('incident.title.others', { who, n });
  return t('incident.title', { model: modelName(lead.model), who });
}

/** An alert, or one that came back ten times as rare. */
export const alertWords = (x: IncidentShort): string => t((x.alerts ?? 1) > 1 ? 'finding.alert.again' : 'finding.alert');

export interface Told { lead: BreachShort; peers: number; count: number; rank: number }

/** The texts have ATT&CK's phases in the order of an attack; what is none of them comes last. */
function rankOf(tactic: string): number {
  const phases = namesOf('tactic');
  return phases.includes(tactic) ? phases.indexOf(tactic) : phases.length;
}
const stronger = (a: BreachShort, b: BreachShort): number => b.score - a.score || (a.id < b.id ? -1 : 1);

/** What is told of a time line: what a device did in one phase by one measure is one, told by the strongest breach of it. */
export function told(timeline: BreachShort[]): Told[] {
  const groups = new Map<string, BreachShort[]>();
  for (const b of timeline) {
    const key = `${actorOf(b).id} ${b.model.tactic} ${b.reason?.feature ?? b.model.id}`;
    groups.set(key, [...(groups.get(key) ?? []), b]);
  }
  return [...groups.values()].flatMap((all) => {
    const lead = [...all].sort(stronger)[0];
    if (!lead) return [];
    const peers = new Set(all.map((b) => peerHost(b.peer)).filter(Boolean));
    return [{ lead, peers: Math.max(0, peers.size - 1), count: new Set(all.map((b) => b.start)).size, rank: rankOf(lead.model.tactic) }];
  });
}

/** One thing that a breach says, without a full stop. */
export const breachSentence = (b: BreachShort): string => (b.reason ? evidenceSentence(b.reason) : cut(b.sentence ?? modelName(b.model), 1200));

function line(of: IncidentShort, x: Told): string {
  let text = t('story.line', { time: when(x.lead.time), device: nameIn(of, actorOf(x.lead)), what: breachSentence(x.lead) });
  if (x.peers > 0) text = t('story.peers', { text, n: x.peers });
  else if (x.count > 1) text = t('story.times', { text, n: x.count });
  return t('story.end', { text });
}

/** The sentence of its strongest breach; of an incident whose breaches are not known, the server's. */
export function incidentSummary(x: IncidentShort & { summary?: string }): string {
  if (!x.lead) return cut(x.summary ?? '', 400);
  return line(x, { lead: x.lead, peers: 0, count: 1, rank: 0 });
}

export function story(x: IncidentDetail): string[] {
  const all = told(x.timeline);
  if (all.length === 0) return sentences(x.summary).map((s) => cut(s, 1200));
  const shown = [...all].sort((a, b) => stronger(a.lead, b.lead)).slice(0, MOST_LINES);
  shown.sort((a, b) => a.rank - b.rank || (a.lead.time < b.lead.time ? -1 : a.lead.time > b.lead.time ? 1 : stronger(a.lead, b.lead)));
  const lines = shown.map((s, i) => {
    const text = line(x, s);
    return shown[i - 1]?.rank === s.rank ? text : t('story.phase', { phase: tacticName(s.lead.model.tactic), text });
  });
  return all.length > shown.length ? [...lines, t('story.weaker', { n: all.length - shown.length })] : lines;
}
