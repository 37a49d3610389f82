// SPDX-License-Identifier: Apache-2.0
// Foreign strings that want to run, to break out, to turn the line around or to burst it, in every text of every
// answer of the master: nothing runs, nothing becomes an element, the layout holds. The answers are the real ones,
// with their texts replaced on the way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SIZES, launch, open, settled, shot } from './browser.mjs';
import { accessible, fits, nothingRan } from './checks.mjs';
import { fed } from './feed.mjs';
import { login } from './login.mjs';
import { chosenIds, screens } from './screens.mjs';

const STRINGS = {
  html: `<img src=x onerror="window.__ran++"><svg onload="window.__ran++"><script>window.__ran++</script>`,
  breakout: `'-->"]]>\`\${window.__ran++}{{constructor.constructor('window.__ran++')()}}</textarea></style></script><iframe srcdoc="<script>parent.__ran++</script>">`,
  link: 'javascript:window.__ran++//',
  direction: '\u202Egnp.exe\u202C \u2066\u200Fשלום\u2069 \u0000\u0007\u001b[31m',
  long: 'A'.repeat(10_000),
  wide: `${'W'.repeat(300)} ${'日本語'.repeat(800)}`,
};
/** 200 rows of 10 kB strings are 30 MB of an answer. */
const SLOW_MS = 60_000;
/** Members that are not free text: identity, time, and words of which the API has a closed list. */
const CLOSED = new Set(['id', 'time', 'start', 'end', 'first', 'last', 'from', 'to', 'first_seen', 'last_seen', 'updated', 'created', 'now',
  'since', 'started', 'expires', 'oldest', 'last_batch', 'last_login', 'last_used', 'state', 'status', 'severity', 'next', 'csrf', 'rights',
  'calibration', 'time_zone', 'role', 'incident', 'breaches', 'features', 'feature', '_entity', '_time', '_id', 'type', 'unit', 'sensor']);

const TEXTS = Object.values(STRINGS);
let turn = 0;

function spoil(value, key = '') {
  if (typeof value === 'string')
    return CLOSED.has(key) || /^\d{4}-\d\d-\d\dT/.test(value) ? value : `${TEXTS[turn++ % TEXTS.length]}${value}`;
  if (Array.isArray(value)) return value.map((v) => spoil(v, key));
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, spoil(v, k === 'name' && ('fields' in value || 'help' in value || 'type' in value) ? 'id' : k)]));
  return value;
}

let browser;
let state;
let ids;
before(async () => {
  browser = await launch();
  const { context } = await open(browser);
  const page = await context.newPage();
  await login(page);
  state = await context.storageState();
  await fed(page);
  ids = await chosenIds(page);
  assert.ok(ids.incident && ids.breach && ids.device, 'an incident with a breach of a device');
  await context.close();
});
after(async () => {
  await browser?.close();
});

// Each text of each answer gets the next of the strings, so every screen meets all of them.
for (const size of Object.keys(SIZES))
  test(`every text of every answer, ${size}`, async () => {
    const { context, problems } = await open(browser, { size, storageState: state, theme: size === 'wide' ? 'light' : 'dark' });
    let spoiled = 0;
    await context.route(/\/api\/v1\/(?!stream)/, async (route) => {
      const answer = await route.fetch();
      let body = await answer.text();
      if ((answer.headers()['content-type'] ?? '').includes('json') && body) {
        body = JSON.stringify(spoil(JSON.parse(body)));
        spoiled++;
      }
      await route.fulfill({ response: answer, body });
    });
    const page = await context.newPage();
    for (const [screen, path] of screens(ids)) {
      await page.goto(path);
      await settled(page, SLOW_MS);
      await fits(page, screen);
      await nothingRan(page, screen);
      if (screen === 'search') {
        await page.locator('[role=gridcell]').nth(1).click();
        await page.getByRole('menuitem', { name: 'Event' }).click();
        await page.locator('aside.detail').waitFor();
        await nothingRan(page, 'event');
        await fits(page, 'event');
      }
      if (screen === 'incident') await shot(page, `hostile-${size}`, false);
    }
    await accessible(page, 'the last screen');
    assert.ok(spoiled > 10, 'answers were replaced');
    assert.deepEqual(problems, []);
    await context.close();
  });

test('hostile events that the master really has', { skip: process.env.THYMUS_HOSTILE ? false : 'THYMUS_HOSTILE names no search that finds them' }, async () => {
  const { context, problems } = await open(browser, { storageState: state });
  const page = await context.newPage();
  const kinds = await page.goto('/').then(() => page.evaluate(async () => (await (await fetch('/api/v1/fields')).json()).kinds.map((k) => k.name)));
  for (const kind of kinds) {
    await page.goto(`/search?${new URLSearchParams({ q: process.env.THYMUS_HOSTILE, kind, from: '' })}`);
    await settled(page);
    const cells = page.locator('[role=gridcell]');
    if ((await cells.count()) > 0) {
      await cells.first().click();
      await page.locator('aside.detail').waitFor();
    }
    await nothingRan(page, kind);
    await fits(page, kind);
  }
  assert.deepEqual(problems, []);
  await context.close();
});
