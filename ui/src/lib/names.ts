// SPDX-License-Identifier: Apache-2.0
// How devices, peers and findings are called on every screen.
import type { BreachShort, Device, DeviceShort, IncidentShort, Peer } from '../api';
import { cut } from './format';
import { t, tName } from './i18n.svelte';

/** A user of the network has a place wherever a device has one, by the letter of the id. */
const isUser = (id: string): boolean => id.startsWith('u');
export const deviceName = (d: DeviceShort): string => {
  const name = cut(d.hostname || d.ip || d.mac || d.id, 120);
  return isUser(d.id) ? t('user.name', { name }) : name;
};
export const deviceUrl = (id: string): string => `/${isUser(id) ? 'credentials' : 'devices'}/${encodeURIComponent(id)}`;
/** Whom a breach is about. */
export const actorOf = (b: Pick<BreachShort, 'device' | 'user'>): DeviceShort =>
  b.user ? { id: b.user.id, hostname: b.user.name } : (b.device ?? { id: '' });
export const actorsOf = (x: Pick<IncidentShort, 'devices' | 'users'>): DeviceShort[] =>
  [...(x.users ?? []).map(({ id, name }) => ({ id, hostname: name })), ...x.devices];
export const incidentUrl = (id: string): string => `/incidents/${encodeURIComponent(id)}`;
export const breachUrl = (id: string): string => `/breaches/${encodeURIComponent(id)}`;

/** What it is by its traffic, or else by its habits. */
export const deviceKind = (d: Device): string => tName('kind', d.type || d.kind, cut(d.type || d.kind || '', 60));
export const offerName = (offer: string): string => tName('offer', offer, cut(offer, 60));

export const peerHost = (p: Peer | null | undefined): string => cut(p?.host || p?.domain || p?.ip || '', 120);

export function peerName(p: Peer | null | undefined): string {
  const name = peerHost(p);
  if (!p || !name) return '';
  return p.port ? (name.includes(':') ? `[${name}]:${p.port}` : `${name}:${p.port}`) : name;
}

export const modelName = (m: { id: string; name: string }): string => tName('model', m.id, cut(m.name, 120));
export const tacticName = (tactic: string): string => tName('tactic', tactic, cut(tactic, 60));
export const featureName = (feature: string, label = ''): string => tName('feature', feature, cut(label || feature, 80));
