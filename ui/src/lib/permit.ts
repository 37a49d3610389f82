// SPDX-License-Identifier: Apache-2.0
// What a permit may cover, out of the breach that led to it.
import type { BreachShort, PermitNew } from '../api';
import { actorOf } from './names';

export const REASON_BYTES = 240;
export const DAYS = [7, 30, 90, 180, 365];
export const DAYS_USUAL = 90;

export type PeerBy = 'domain' | 'host' | 'address' | 'any';
export interface Choice {
  device: boolean; // this one, or any
  models: 'model' | 'tactic' | 'any';
  peer: PeerBy;
  port: boolean; // this one only
}

type About = Pick<BreachShort, 'device' | 'user' | 'model' | 'peer'>;

/** By what its peer can be told, the widest first that is still this peer: what one name resolves to changes, and a
 *  model counts by registered domain. */
export function peerWays(b: About): PeerBy[] {
  const p = b.peer;
  const ways: PeerBy[] = [];
  if (p?.domain) ways.push('domain');
  if (p?.host && p.host !== p.domain) ways.push('host');
  if (p?.ip) ways.push('address');
  return [...ways, 'any'];
}

export const usualChoice = (b: About): Choice => ({ device: true, models: 'model', peer: peerWays(b)[0] ?? 'any', port: false });

/** Nothing named would be everything. */
export const isTooWide = (c: Choice): boolean => !c.device && c.peer === 'any';

export const reasonFits = (reason: string): boolean => new TextEncoder().encode(reason.trim()).length <= REASON_BYTES;

export function scopeOf(b: About, c: Choice): Omit<PermitNew, 'reason'> {
  const scope: Omit<PermitNew, 'reason'> = {};
  if (c.device) scope.device = actorOf(b).id;
  if (c.models === 'model') scope.model = b.model.id;
  if (c.models === 'tactic') scope.tactic = b.model.tactic;
  if (c.peer === 'domain' && b.peer?.domain) scope.domain = b.peer.domain;
  if (c.peer === 'host' && b.peer?.host) scope.host = b.peer.host;
  if (c.peer === 'address' && b.peer?.ip) scope.address = b.peer.ip;
  if (c.port && c.peer !== 'any' && b.peer?.port) scope.port = b.peer.port;
  return scope;
}
