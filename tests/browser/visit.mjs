// SPDX-License-Identifier: Apache-2.0
// A test file with one visitor, who is logged in before its tests.
import { after, before } from 'node:test';
import { launch, open, settled, shot } from './browser.mjs';
import { accessible, fits, nothingRan } from './checks.mjs';
import { login } from './login.mjs';

/** Filled in when the tests begin: page, context, and `problems`, what pages did that they must not. */
export function visitor() {
  const visit = {};
  let browser;
  before(async () => {
    browser = await launch();
    Object.assign(visit, await open(browser));
    visit.page = await visit.context.newPage();
    await login(visit.page);
  });
  after(async () => {
    await browser?.close();
  });
  return visit;
}

/** The screen as it is can be used, fits, ran nothing foreign; its picture is kept. */
export async function holds(page, where) {
  await settled(page);
  await accessible(page, where);
  await fits(page, where);
  await nothingRan(page, where);
  await shot(page, where);
}
