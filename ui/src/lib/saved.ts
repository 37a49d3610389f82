// SPDX-License-Identifier: Apache-2.0
// A search that is kept, as the address that asks it again. A time that is empty stands there: it means "all", where
// one that is missing means the last day.
export interface Asked { q: string; from: string; to: string; kind: string; columns: string }

export function savedUrl({ q, from, to, kind, columns }: Asked): string {
  const query = new URLSearchParams({ q, from });
  for (const [name, value] of Object.entries({ to, kind, columns })) if (value) query.set(name, value);
  return `/search?${query.toString()}`;
}
