// SPDX-License-Identifier: Apache-2.0
// A story as its sentences. A full stop inside a host name, an address or a number ends nothing.

export function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+(?=[\p{Lu}\d"“'(])|\n+/u)
    .map((s) => s.trim())
    .filter(Boolean);
}
