// SPDX-License-Identifier: Apache-2.0
// Paths, their screens (loaded when first seen), and the right that each needs.
import type { Component } from 'svelte';
import type { Right } from '../api';
import type { Key } from './catalogue';
import { match } from './match';

interface Route {
  pattern: string;
  title: Key;
  right?: Right;
  load: () => Promise<{ default: Component<Record<string, string>> }>;
}
type Module = Promise<{ default: Component<Record<string, string>> }>;
const as = (module: Promise<{ default: unknown }>): Module => module as Module;

export const routes: Route[] = [
  { pattern: '/', title: 'nav.overview', right: 'read', load: () => as(import('../screens/Overview.svelte')) },
  { pattern: '/incidents', title: 'nav.incidents', right: 'read', load: () => as(import('../screens/Incidents.svelte')) },
  { pattern: '/incidents/:id', title: 'nav.incidents', right: 'read', load: () => as(import('../screens/Incident.svelte')) },
  { pattern: '/breaches/:id', title: 'breach.why', right: 'read', load: () => as(import('../screens/Breach.svelte')) },
  { pattern: '/devices', title: 'nav.devices', right: 'read', load: () => as(import('../screens/Devices.svelte')) },
  { pattern: '/devices/:id', title: 'nav.devices', right: 'read', load: () => as(import('../screens/Device.svelte')) },
  { pattern: '/credentials/:id', title: 'nav.users', right: 'read', load: () => as(import('../screens/User.svelte')) },
  { pattern: '/search', title: 'nav.search', right: 'search', load: () => as(import('../screens/Search.svelte')) },
  { pattern: '/packets', title: 'packets.title', right: 'packets', load: () => as(import('../screens/Packets.svelte')) },
  { pattern: '/status', title: 'nav.status', right: 'read', load: () => as(import('../screens/Status.svelte')) },
  { pattern: '/config', title: 'nav.config', load: () => as(import('../screens/Config.svelte')) },
  { pattern: '/config/:tab', title: 'nav.config', load: () => as(import('../screens/Config.svelte')) },
];

export function find(path: string): { route: Route; params: Record<string, string> } | null {
  for (const route of routes) {
    const params = match(route.pattern, path);
    if (params) return { route, params };
  }
  return null;
}
