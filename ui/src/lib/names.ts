// SPDX-License-Identifier: Apache-2.0
// How devices, peers and findings are called on every screen.
import type { BreachShort, DeviceShort, Evidence, Peer } from '../api';
import { cut } from './format';
import { i18n, t, tName } from './i18n.svelte';
import { amount } from './show.svelte';

export const deviceName = (d: DeviceShort): string => cut(d.hostname || d.ip || d.mac || d.id, 120);
export const deviceUrl = (id: string): string => `/devices/${encodeURIComponent(id)}`;
export const incidentUrl = (id: string): string => `/incidents/${encodeURIComponent(id)}`;
export const breachUrl = (id: string): string => `/breaches/${encodeURIComponent(id)}`;

export function peerName(p: Peer | null | undefined): string {
  if (!p) return '';
  const host = p.host || p.ip || '';
  const name = cut(host, 120);
  return p.port ? (name.includes(':') ? `[${name}]:${p.port}` : `${name}:${p.port}`) : name;
}

export const modelName = (m: { id: string; name: string }): string => tName('model', m.id, cut(m.name, 120));
export const tacticName = (tactic: string): string => tName('tactic', tactic, cut(tactic, 60));
export const featureName = (feature: string, label = ''): string => tName('feature', feature, cut(label || feature, 80));

const peerOf = (e: Evidence): Peer | null => (typeof e.peer === 'object' ? (e.peer as Peer | null) : null);

/** The server's sentence; in Japanese the same facts in the catalogue's words. */
export function evidenceSentence(e: Evidence): string {
  if (i18n.language === 'en' || e.expected === null || e.observed === null) return e.sentence;
  const params = {
    label: featureName(e.feature, e.label),
    observed: amount(e.observed, e.unit),
    expected: amount(e.expected, e.unit),
    peer: peerName(peerOf(e)),
  };
  return params.peer ? t('evidence.sentencePeer', params) : t('evidence.sentence', params);
}

export function breachSentence(b: BreachShort): string {
  return b.sentence || modelName(b.model);
}
