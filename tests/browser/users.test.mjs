// SPDX-License-Identifier: Apache-2.0
// A user of the network whose credential went about: from the breach to the user's page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIZES, settled } from './browser.mjs';
import { holds, visitor } from './visit.mjs';

const first = visitor();

/** As soon as core has told one. */
const breachOf = (page, name) =>
  page.evaluate(async (user) => {
    for (let tries = 0; tries < 120; tries++) {
      const { breaches } = await (await fetch('/api/v1/breaches?limit=100')).json();
      const breach = breaches.find((b) => b.user?.name === user);
      if (breach) return breach;
      await new Promise((done) => setTimeout(done, 500));
    }
    throw new Error(`nothing is told of ${user}`);
  }, name);

/** What charts draw can be asked for a little later than what is told: four weeks that come at once take a minute or more. */
const measured = (page, id) =>
  page.evaluate(async (entity) => {
    for (let tries = 0; tries < 120; tries++) {
      const { points } = await (await fetch(`/api/v1/series?entity=${entity}&feature=user-logins&from=2024-03-04T00:00:00Z&to=2024-03-08T00:00:00Z`)).json();
      if (points?.length) return points.length;
      await new Promise((done) => setTimeout(done, 500));
    }
    throw new Error('nothing was measured');
  }, id);

test('a breach of a user names it and the device, and leads to the page of its pattern of life', async () => {
  const { page } = first;
  const breach = await breachOf(page, 'user3');
  const name = 'user user3';
  await page.goto(`/breaches/${breach.id}`);
  await page.getByRole('link', { name, exact: true }).first().waitFor();
  await page.getByRole('link', { name: 'ws7', exact: true }).first().waitFor();
  await holds(page, 'users-breach');
  await measured(page, breach.user.id);
  await page.getByRole('link', { name, exact: true }).first().click();
  await page.locator('h1', { hasText: name }).waitFor();
  await page.getByText('28 days', { exact: true }).click();
  await page.locator('section[aria-labelledby=pattern]').getByText('As a table').first().waitFor();
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
  const breach = await breachOf(page, 'backup');
  await page.goto(`/credentials/${breach.user.id}`);
  await page.getByText('Nobody was let in under this name.').waitFor();
  await holds(page, 'users-never');
});
