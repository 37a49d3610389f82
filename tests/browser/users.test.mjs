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

const breachOfUser = (page) =>
  page.evaluate(async () => {
    const { breaches } = await (await fetch('/api/v1/breaches?limit=100')).json();
    return breaches.find((b) => b.user);
  });

test('a breach of a user names it and the device, and leads to the page of its pattern of life', async () => {
  const { page } = first;
  const breach = await breachOfUser(page);
  assert.ok(breach, 'no breach is about a user');
  const name = `user ${breach.user.name}`;
  await page.goto(`/breaches/${breach.id}`);
  await page.getByRole('link', { name, exact: true }).first().waitFor();
  await settled(page);
  await holds(page, 'users-breach');
  await page.getByRole('link', { name, exact: true }).first().click();
  await page.locator('h1', { hasText: name }).waitFor();
  await page.locator('section[aria-labelledby=pattern] h2').waitFor();
  await settled(page);
  assert.ok((await page.locator('section[aria-labelledby=breaches] a[data-item]').count()) > 0);
  await holds(page, 'users-page');
  await page.setViewportSize(SIZES.narrow);
  await holds(page, 'users-page-narrow');
  await page.setViewportSize(SIZES.wide);
  assert.deepEqual(first.problems, []);
});
