// SPDX-License-Identifier: Apache-2.0
// What of a source's traffic was not seen or did not arrive, as one figure: packets that reached its interfaces and
// were lost there or for want of room in the ring, then events that were lost on their way. The first is a share of the
// packets, the second of the events; what passes both is what arrived. What a filter left out on purpose is no loss, and
// what was given up for want of memory is told apart.
import type { SensorReport, Source } from '../api';
import type { Key } from './catalogue';

export interface Loss { packets: number; events: number; /** 0 to 1. */ share: number }

const shareOf = (lost: number, arrived: number): number => (lost > 0 ? lost / (lost + Math.max(0, arrived)) : 0);

/**
 * The master's count of lost events holds every reason and every run of the sensor; the sensor's own is of its
 * present run, and may know of a loss that is still on its way here.
 */
export function lossOf(source: Source): Loss {
  const { lost, report } = source;
  const packets = report ? report.drops + report.nic_lost : (lost?.capture_drops ?? 0);
  const events = Math.max(lost?.spool_dropped ?? 0, (report?.events_lost ?? 0) + (report?.spool_dropped ?? 0));
  const share = 1 - (1 - shareOf(packets, report?.packets ?? 0)) * (1 - shareOf(events, source.events));
  return { packets, events, share };
}

const MEMORY: [Key, keyof SensorReport][] = [
  ['stages.evicted', 'evicted'], ['stages.holes', 'holes'], ['stages.givenUp', 'bytes_given_up'], ['stages.analyses', 'analyses_given_up'], ['stages.fragments', 'fragments_dropped'],
];

/** What a sensor saw and did not look into, as far as it happened. */
export const memoryOf = (report: SensorReport): [Key, number][] =>
  MEMORY.map(([text, member]): [Key, number] => [text, Number(report[member])]).filter(([, n]) => n > 0);

export interface Kept { packets: number; bytes: number; limit: number; since: string | null; dropped: number; failing: boolean }

/** Of a sensor that keeps packets; null of another. */
export function keptOf(report: SensorReport): Kept | null {
  if (!report.keep_limit_bytes) return null;
  const { kept_packets: packets = 0, kept_bytes: bytes = 0, keep_limit_bytes: limit, keep_oldest_s: oldest = 0, keep_dropped: dropped = 0, keep_failing: failing = 0 } = report;
  return { packets, bytes, limit, since: oldest > 0 ? new Date(oldest * 1000).toISOString() : null, dropped, failing: failing > 0 };
}
