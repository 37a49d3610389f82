// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Paged } from '../src/lib/list.svelte';

const PAGE = 3;
/** Pages of what the list holds when it is asked; a cursor is the last number that was given. */
function pages(all: () => number[]): (cursor: string | null) => Promise<{ items: number[]; next: string | null }> {
  return (cursor) => {
    const rest = cursor === null ? all() : all().slice(all().indexOf(Number(cursor)) + 1);
    const items = rest.slice(0, PAGE);
    return Promise.resolve({ items, next: rest.length > PAGE ? String(items.at(-1)) : null });
  };
}

test('news leaves further pages where they are, and shifts what it must', async () => {
  let all = [10, 9, 8, 7, 6, 5, 4, 3];
  const fetch = pages(() => all);
  const list = new Paged<number>();
  await list.load(fetch);
  await list.loadMore();
  assert.deepEqual(list.items, [10, 9, 8, 7, 6, 5]);
  all = [11, ...all];
  await list.refresh(fetch);
  assert.deepEqual(list.items, [11, 10, 9, 8, 7, 6]);
  await list.loadMore();
  assert.deepEqual([list.items, list.next], [[11, 10, 9, 8, 7, 6, 5, 4, 3], null]);
});

test('another list begins with its first page', async () => {
  const list = new Paged<number>();
  await list.load(pages(() => [4, 3, 2, 1]));
  await list.loadMore();
  list.clear();
  assert.equal(list.next, null);
  await list.refresh(pages(() => [9, 8, 7, 6, 5]));
  assert.deepEqual([list.items, list.next], [[9, 8, 7], '7']);
});
