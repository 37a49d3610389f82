// SPDX-License-Identifier: Apache-2.0
// What holds on every screen.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** No finding of axe. The source goes in as an expression of the debugger, which the page's policy does not touch. */
export async function accessible(page, where) {
  await page.evaluate(`${AXE};0`);
  const found = await page.evaluate((rules) => window.axe.run({ runOnly: rules }), RULES);
  const text = found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join('\n    ')}`);
  assert.deepEqual(text, [], `axe on ${where}`);
}

/** Nothing is wider than the window. */
export async function fits(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${where} is ${over} px too wide`);
}

export async function nothingRan(page, where) {
  assert.equal(await page.evaluate(() => window.__ran), 0, `${where}: a foreign string ran`);
  assert.equal(await page.locator('main img, main iframe, main script, main object').count(), 0, `${where}: a foreign element`);
}
