// SPDX-License-Identifier: Apache-2.0
// Made from lib/model/sentences.def by `make docs`: not to be edited.

/** What has no usual amount: it never happened before. */
export const NEVER = new Set([
  'new-destination',
  'new-admin-peer',
  'new-admin-client',
  'new-service-port',
  'new-client-fingerprint',
  'new-credential',
  'new-client',
  'controller-command',
  'clear-text-login',
  'faulty-certificate',
  'user-new-source',
  'user-new-target',
]);
/** What says by itself why it is told. */
export const PLAIN = new Set([
  'executable-download',
  'unusual-hour',
  'beacon',
  'beacon-internal',
  'beacon-slow',
  'lateral-path',
  'mining',
  'user-unusual-hour',
]);
