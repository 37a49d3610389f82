// SPDX-License-Identifier: Apache-2.0
// Which packets belong to what is shown: the wish that goes to a sensor's keep.
import type { PacketsAsk, PacketsWish } from '../api';
import { rawText, type Row } from './cells';

const MARGIN_MS = 30_000;
const PROTOCOLS: Record<string, number> = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };

const port = (value: unknown): number => (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65535 ? value : 0);
const iso = (ms: number): string => new Date(ms).toISOString();

/** Of an event's flow, from its beginning to its end with a margin around; null: the event has no two ends. */
export function wishOf(row: Row): PacketsWish | null {
  const host = rawText(row['id.orig_h'], '');
  const peer = rawText(row['id.resp_h'], '');
  const at = Date.parse(rawText(row['_time'], ''));
  if (!host || !peer || Number.isNaN(at)) return null;
  const proto = PROTOCOLS[rawText(row['proto'], '').toLowerCase()] ?? 0;
  const lasts = typeof row['duration'] === 'number' ? row['duration'] * 1000 : 0;
  const wish: PacketsWish = { host, peer, proto, from: iso(at - MARGIN_MS), to: iso(at + lasts + MARGIN_MS) };
  // What stands for ports in ICMP is none.
  if (proto === 1 || proto === 58) return wish;
  return { ...wish, port: port(row['id.orig_p']), peer_port: port(row['id.resp_p']) };
}

/** Of a host, the last minutes before a moment. */
export function wishOfHost(host: string | null | undefined, until: string, minutes: number): PacketsWish | null {
  const at = Date.parse(until);
  if (!host || Number.isNaN(at)) return null;
  return { host, from: iso(at - minutes * 60_000), to: iso(at + MARGIN_MS) };
}

/** In words that are the same in every language: 10.0.0.1:5000 – 192.0.2.7:443. */
export function endsOf(wish: PacketsWish): string {
  const end = (host: string, at: number | undefined): string => (!at ? host : host.includes(':') ? `[${host}]:${at}` : `${host}:${at}`);
  return wish.peer ? `${end(wish.host, wish.port)} – ${end(wish.peer, wish.peer_port)}` : end(wish.host, wish.port);
}

export const isOver = (ask: PacketsAsk): boolean => ask.state === 'done' || ask.state === 'failed';
export const fileOf = (ask: PacketsAsk): string => `/api/v1/packets/${encodeURIComponent(ask.id)}.pcap`;
