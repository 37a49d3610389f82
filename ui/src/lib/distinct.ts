// SPDX-License-Identifier: Apache-2.0

/** Items with each key once, the first of them: a page that moved while it was read repeats some. */
export function distinct<T>(items: readonly T[], key: (item: T) => unknown): T[] {
  const seen = new Set<unknown>();
  return items.filter((item) => {
    const k = key(item);
    if (seen.has(k)) return false;
    seen.add(k);
    return true;
  });
}
export const byId = <T extends { id: unknown }>(items: readonly T[]): T[] => distinct(items, (item) => item.id);
