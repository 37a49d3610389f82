// SPDX-License-Identifier: Apache-2.0
// Fills {name} in a catalogue text. A text with | has a singular and a plural; {n} decides.

export function fill(text: string, params: Record<string, string | number>, language: string): string {
  const bar = text.indexOf('|');
  let chosen = text;
  if (bar >= 0) {
    const one = new Intl.PluralRules(language).select(Number(params['n'] ?? 0)) === 'one';
    chosen = one ? text.slice(0, bar) : text.slice(bar + 1);
  }
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** Names in braces of a text, sorted: what a translation must have too. */
export function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? ''))].sort();
}
