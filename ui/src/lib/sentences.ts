// SPDX-License-Identifier: Apache-2.0
// A story as its sentences. A full stop inside a host name, an address or a number ends nothing: no space follows it.

export function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+|\n+/)
    .map((s) => s.trim())
    .filter(Boolean);
}
