// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resource } from '../src/lib/resource.svelte';

/** A loader that answers when it is told to. */
function answering(): { loader: (signal: AbortSignal) => Promise<string>; answer: (text: string) => void; asked: number; signal?: AbortSignal } {
  const self = {
    asked: 0,
    answer: (_: string): void => undefined,
    loader: (signal: AbortSignal) => {
      self.asked++;
      Object.assign(self, { signal });
      return new Promise<string>((resolve) => (self.answer = resolve));
    },
  };
  return self;
}
const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

test('another thing is asked for, and news of it comes before the first has ended: the news is loaded', async () => {
  const resource = new Resource<string>();
  const [first, second] = [answering(), answering()];
  void resource.refresh(first.loader);
  resource.cancel();
  void resource.refresh(second.loader);
  void resource.refresh(second.loader);
  first.answer('first');
  await turn();
  second.answer('second');
  await turn();
  assert.equal(second.asked, 2);
  assert.equal(resource.value, 'second');
});

test('a load takes the place of one that runs', async () => {
  const resource = new Resource<string>();
  const [first, second] = [answering(), answering()];
  void resource.load(first.loader);
  void resource.load(second.loader);
  assert.equal(first.signal?.aborted, true);
  first.answer('old');
  second.answer('new');
  await turn();
  assert.equal(resource.value, 'new');
  assert.equal(resource.loading, false);
});

test('refreshes faster than answers: each answer is shown, and the last refresh is made', async () => {
  const resource = new Resource<string>();
  const news = answering();
  for (let i = 0; i < 5; i++) void resource.refresh(news.loader);
  assert.equal(news.asked, 1);
  assert.equal(news.signal?.aborted, false);
  news.answer('one');
  await turn();
  assert.equal(resource.value, 'one');
  assert.equal(news.asked, 2);
  void resource.refresh(news.loader);
  resource.cancel();
  news.answer('two');
  await turn();
  assert.deepEqual([resource.value, resource.loading, news.asked], ['one', false, 2]);
});
