// SPDX-License-Identifier: Apache-2.0
// The raw events behind a finding, as a query and as the address of the search screen.
import type { Breach } from '../api';
import { quote } from './query';

const MARGIN_MS = 60_000;

export interface Question { q: string; from: string; to: string }

/** A peer without an address is a name or a registered domain: then names below it belong to it. */
const below = (host: string): string =>
  quote(host) === host ? `(host:${host} OR host:*.${host})` : `host:${quote(host)}`;

/** A user's name comes with realms and without. */
function named(user: string): string {
  const name = user.split('@')[0] ?? user;
  return quote(name) === name ? `user:*${name}*` : `user:${quote(name)}`;
}

export function questionOf(breach: Breach): Question {
  // The device may be the one that was spoken to.
  const parts = breach.device ? [`device:${quote(breach.device.id)}`] : [];
  if (breach.user?.name) parts.push(named(breach.user.name));
  else if (breach.peer?.ip) parts.push(`ip:${quote(breach.peer.ip)}`);
  else if (breach.peer?.host) parts.push(below(breach.peer.host));
  const ends = [breach.start, breach.end, ...breach.evidence.flatMap((e) => [e.first, e.last])]
    .map((x) => Date.parse(x ?? ''))
    .filter((x) => !Number.isNaN(x));
  return {
    q: parts.join(' '),
    from: new Date(Math.min(...ends) - MARGIN_MS).toISOString(),
    to: new Date(Math.max(...ends) + MARGIN_MS).toISOString(),
  };
}

export const searchUrl = (question: Question): string => `/search?${new URLSearchParams({ ...question }).toString()}`;
