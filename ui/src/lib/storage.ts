// SPDX-License-Identifier: Apache-2.0
// Small preferences of this browser. Where storage is refused, nothing is remembered and all works.
const PREFIX = 'thymus.';

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    /* refused */
  }
}
