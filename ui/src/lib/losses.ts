// SPDX-License-Identifier: Apache-2.0
// What of a source's traffic did not arrive, as one figure: packets that its capture missed, then events that were
// lost on their way. The first is a share of packets, the second of events; what passes both is what arrived.
import type { Source } from '../api';

export interface Loss { packets: number; events: number; /** 0 to 1. */ share: number }

const shareOf = (lost: number, arrived: number): number => (lost > 0 ? lost / (lost + Math.max(0, arrived)) : 0);

/**
 * The master's count of lost events holds every reason and every run of the sensor; the sensor's own is of its
 * present run, and may know of a loss that is still on its way here.
 */
export function lossOf(source: Source): Loss {
  const { lost, report } = source;
  const packets = report?.drops ?? lost?.capture_drops ?? 0;
  const events = Math.max(lost?.spool_dropped ?? 0, (report?.events_lost ?? 0) + (report?.spool_dropped ?? 0));
  const share = 1 - (1 - shareOf(packets, report?.packets ?? 0)) * (1 - shareOf(events, source.events));
  return { packets, events, share };
}
