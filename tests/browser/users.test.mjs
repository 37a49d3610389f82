// SPDX-License-Identifier: Apache-2.0
// A user of the network whose credential went about: from the breach to the user's page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SIZES, launch, open, settled, shot } from './browser.mjs';
import { accessible, fits, nothingRan } from './checks.mjs';
import { login } from './login.mjs';

let browser;
let first;
before(async () => {
  browser = await launch();
  first = await open(browser);
  first.page = await first.context.newPage();
  await login(first.page);
});
after(async () => {
  await browser?.close();
});

async function holds(page, where) {
  await accessible(page, where);
  await fits(page, where);
  await nothingRan(page, where);
  await shot(page, where);
}

const breachOf = (page, model) =>
  page.evaluate(async (id) => {
    const { breaches } = await (await fetch('/api/v1/breaches?limit=200')).json();
    return breaches.find((b) => b.model.id === id)?.id;
  }, model);

test('a breach of a user names it and the device, and leads to the page of its pattern of life', async () => {
  const { page } = first;
  await page.goto(`/breaches/${await breachOf(page, 'user-at-many-new-hosts')}`);
  await page.getByRole('link', { name: /user user3/ }).first().waitFor();
  await settled(page);
  await holds(page, 'users-breach');
  await page.getByRole('link', { name: /user user3/ }).first().click();
  await page.locator('h1', { hasText: 'user3' }).waitFor();
  await page.locator('section[aria-labelledby=pattern] h2').waitFor();
  await settled(page);
  assert.ok((await page.locator('section[aria-labelledby=breaches] a[data-item]').count()) > 0);
  await holds(page, 'users-page');
  await page.setViewportSize(SIZES.narrow);
  await holds(page, 'users-page-narrow');
  await page.setViewportSize(SIZES.wide);
  assert.deepEqual(first.problems, []);
});

test('of a name under which nobody was let in it says so', async () => {
  const { page } = first;
  const id = await page.evaluate(async () => {
    const { breaches } = await (await fetch('/api/v1/breaches?limit=200')).json();
    return breaches.find((b) => b.user?.name === 'backup')?.user.id;
  });
  await page.goto(`/credentials/${id}`);
  await page.getByText('Nobody was let in under this name.').waitFor();
  await settled(page);
  await holds(page, 'users-never');
});
