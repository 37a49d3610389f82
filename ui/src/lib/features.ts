// SPDX-License-Identifier: Apache-2.0
// Which hourly measure shows a piece of evidence best. What is found as a pattern (a beacon, a scan) has no
// history of its own; the count that it moves has.
const SHOWN_BY: Record<string, string> = {
  'new-destination': 'new-destinations',
  'new-admin-peer': 'admin-connections',
  'new-admin-client': 'connections-in',
  'new-service-port': 'destination-ports',
  'new-client-fingerprint': 'connections-out',
  'new-credential': 'connections-in',
  'executable-download': 'bytes-in',
  'remote-administration': 'rpc-calls',
  'unusual-hour': 'connections-out',
  beacon: 'connections-out',
  'beacon-internal': 'connections-internal',
  'beacon-slow': 'connections-out',
  'scan-internal': 'failed-peers',
  'scan-external': 'failed-peers',
  'port-scan': 'destination-ports',
  'address-sweep': 'address-probes',
  'generated-names': 'dns-nxdomain',
  'dns-tunnel': 'dns-queries',
  upload: 'bytes-out',
  'long-connection': 'connections-out',
  'lateral-path': 'admin-connections',
  'brute-force': 'logins-failed',
  'brute-force-against': 'connections-in',
  'strange-logins': 'logins-failed',
  mining: 'connections-out',
  'data-staging': 'bytes-in-internal',
  'new-client': 'new-clients',
  'controller-command': 'connections-internal',
  'clear-text-login': 'connections-out',
  'faulty-certificate': 'connections-out',
  'outflow-grown': 'bytes-out',
  'user-new-source': 'user-sources',
  'user-new-target': 'user-targets',
  'user-unusual-hour': 'user-logins',
  'user-failed-from-several': 'user-logins-failed',
};

/** Measures that show these features, each once, in their order. */
export const measuresOf = (features: string[]): string[] => [...new Set(features.map((f) => SHOWN_BY[f] ?? f))];
