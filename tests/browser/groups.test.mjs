// SPDX-License-Identifier: Apache-2.0
// What a whole group did: beside the incidents, at a breach that is part of it, and on a device's page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIZES } from './browser.mjs';
import { holds, visitor } from './visit.mjs';

const first = visitor();

test('the panel beside the incidents says who, what, when and what they share; its devices come when it is opened', async () => {
  const { page } = first;
  await page.goto('/incidents');
  const panel = page.locator('section[aria-labelledby=groups]');
  await panel.waitFor();
  assert.match(await panel.innerText(), /18 of 19 clients .* between .* and .*; 18 had to do with update\.example/);
  await panel.locator('summary').first().click();
  await panel.getByRole('link', { name: 'ws7', exact: true }).first().waitFor();
  assert.match(await panel.innerText(), /part of what its group did/);
  await holds(page, 'groups-incidents');
  await page.setViewportSize(SIZES.narrow);
  await holds(page, 'groups-incidents-narrow');
  await page.setViewportSize(SIZES.wide);
});

test('the page of a member has it, and leads to the breach that is part of it', async () => {
  const { page } = first;
  await page.locator('section[aria-labelledby=groups]').getByRole('link', { name: 'ws7', exact: true }).first().click();
  await page.locator('h1', { hasText: 'ws7' }).waitFor();
  await page.locator('section[aria-labelledby=groups]').getByText('18 of 19 clients').waitFor();
  await holds(page, 'groups-device');
  await page.locator('section[aria-labelledby=breaches] a[data-item]').first().click();
  await page.getByText('18 of 19 clients').first().waitFor();
  await holds(page, 'groups-breach');
  assert.deepEqual(first.problems, []);
});
