// SPDX-License-Identifier: Apache-2.0
// The way of an analyst: first login, from the attack to its raw events, search, status, config; then every
// screen in both themes and sizes and languages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BASE, SIZES, THEMES, launch, open, settled, shot } from './browser.mjs';
import { accessible, fits, nothingRan } from './checks.mjs';
import { fed } from './feed.mjs';
import { credentials, login } from './login.mjs';
import { chosenIds, screens } from './screens.mjs';

const ATTACK_WAIT_MS = Number(process.env.THYMUS_ATTACK_WAIT_S ?? 60) * 1000;
const REPORT_WAIT_MS = 60_000;
const MODELS_LOOKED_AT = 24;
let browser;
let first; // context and page that logged in first
let state; // its cookies, for the others
let ids;

before(async () => {
  browser = await launch();
  first = await open(browser);
  first.page = await first.context.newPage();
});
after(async () => {
  await browser?.close();
});
const clean = () => assert.deepEqual(first.problems.splice(0), [], 'nothing happened that must not');

test('a wrong password is refused in words, and the login screen is accessible', async () => {
  const { page } = first;
  await page.goto('/');
  await page.fill('input[name=username]', credentials().user);
  await page.fill('input[name=password]', 'certainly-not-the-password');
  await page.keyboard.press('Enter');
  await page.locator('[role=alert]').filter({ hasText: /\w/ }).waitFor();
  await accessible(page, 'login');
  await shot(page, 'login');
});

test('login: the QR code on the screen enrols, the code opens, the path asked for is kept', async () => {
  await login(first.page, '/devices');
  assert.equal(new URL(first.page.url()).pathname, '/devices');
  state = await first.context.storageState();
  clean();
});

test('overview: live, and the attack appears by itself', async () => {
  const { page } = first;
  await page.goto('/');
  await page.locator('.pulse', { hasText: /\d/ }).waitFor();
  await page.locator('.incident').first().waitFor({ timeout: ATTACK_WAIT_MS });
  clean();
});

test('when all that was fed is applied there is an incident with a measured breach of a device', async () => {
  await fed(first.page);
  ids = await chosenIds(first.page);
  assert.ok(ids.incident && ids.breach && ids.device, JSON.stringify(ids));
});

test('incident: story, time line, device; a breach has its evidence, chart and raw events', async () => {
  const { page } = first;
  await page.goto(`/incidents/${ids.incident}`);
  await page.locator('.story li').first().waitFor();
  assert.ok((await page.locator('.timeline li').count()) >= 1);
  await page.locator(`.timeline a[href="/breaches/${ids.breach}"]`).click();
  await page.waitForURL(`**/breaches/${ids.breach}`);
  await page.locator('.evidence li').first().waitFor();
  assert.match(await page.locator('.evidence .sentence').first().innerText(), /\w{3}/);
  assert.ok((await page.locator('.evidence [role=img]').count()) >= 1, 'observed against usual');
  await page.locator('.u-wrap, section:has(#history) p.dim').first().waitFor();
  const cell = page.locator('[role=gridcell]').first();
  await cell.waitFor();
  await cell.click();
  await page.locator('aside.detail dt').first().waitFor();
  await page.locator('a', { hasText: 'Open in search' }).click();
  await page.waitForURL(/\/search\?/);
  await page.locator('[role=gridcell]').first().waitFor();
  clean();
});

test('every model tells of events that can be looked at, also where the device was spoken to or the peer is a domain', async () => {
  const { page } = first;
  const breaches = await page.evaluate(async (most) => {
    const ask = async (path) => (await fetch(`/api/v1${path}`)).json();
    const { incidents } = await ask('/incidents?state=all&limit=200');
    const found = {};
    for (const { id } of incidents)
      for (const b of (await ask(`/incidents/${id}`)).timeline) found[`${b.model.id} ${b.peer ? Boolean(b.peer.ip) : ''}`] ??= b.id;
    return Object.entries(found).sort().slice(0, most);
  }, MODELS_LOOKED_AT);
  assert.ok(breaches.length > 3, JSON.stringify(breaches));
  for (const [what, id] of breaches) {
    await page.goto(`/breaches/${id}`);
    await page.locator('[role=gridcell]').first().waitFor().catch((e) => assert.fail(`${what}, ${id}: ${e}`));
  }
  clean();
});

test('no incident is without breaches; a link to one that became part of another leads there', async () => {
  const { page } = first;
  const bad = await page.evaluate(async () => {
    const ask = async (path) => (await fetch(`/api/v1${path}`)).json();
    const { incidents } = await ask('/incidents?state=all&limit=200');
    const details = await Promise.all(incidents.map((i) => ask(`/incidents/${i.id}`)));
    return details.filter((d) => !d.timeline.length || d.timeline.map((b) => b.id).join() !== d.breaches.join()).map((d) => d.id);
  });
  assert.deepEqual(bad, []);
  const younger = '0123456789abcdef';
  await page.route(`**/api/v1/incidents/${younger}`, async (route) =>
    route.fulfill({ response: await route.fetch({ url: route.request().url().replace(younger, ids.incident) }) }),
  );
  await page.goto(`/incidents/${younger}`);
  await page.waitForURL((u) => u.pathname === `/incidents/${ids.incident}`);
  await page.locator('.timeline li').first().waitFor();
  await page.unroute(`**/api/v1/incidents/${younger}`);
  clean();
});

test('acknowledge and open again', async () => {
  const { page } = first;
  await page.goto(`/incidents/${ids.incident}`);
  const reopen = page.getByRole('button', { name: 'Open again' });
  await page.locator('.act button').waitFor();
  if (await reopen.isVisible()) {
    await reopen.click();
    await page.locator('.act button.main').waitFor();
  }
  await page.keyboard.press('e');
  await page.fill('#comment', 'seen by the browser test');
  await page.locator('dialog button.main').click();
  await reopen.waitFor();
  await reopen.click();
  await page.locator('.act button.main').waitFor();
  clean();
});

test('this is normal here: said at a breach and at an incident, listed with its reason as text, ended', async () => {
  const { page } = first;
  const say = page.getByRole('button', { name: 'This is normal here' });
  const reason = 'Backup each night <img src=x onerror="window.__ran=1">';
  await page.goto(`/breaches/${ids.breach}`);
  await say.click();
  const go = page.locator('dialog button.main');
  await page.locator('dialog select[name=device]').selectOption({ label: 'Any device' });
  await page.locator('dialog select[name=peer]').selectOption('any');
  await page.getByText('without either, everything would be normal').waitFor();
  assert.ok(await go.isDisabled());
  await accessible(page, 'the form of a permit that covers too much');
  await page.locator('dialog select[name=device]').selectOption({ index: 0 });
  await page.locator('dialog select[name=models]').selectOption('tactic');
  await page.fill('dialog input[name=reason]', '毎'.repeat(81));
  await page.getByText('This is too long').waitFor();
  assert.ok(await go.isDisabled());
  await page.fill('dialog input[name=reason]', reason);
  await page.locator('dialog select[name=days]').selectOption('30');
  await accessible(page, 'the form of a permit');
  await shot(page, 'permit-form', false);
  await go.click();
  await page.getByText('it is not told any more').waitFor();
  await shot(page, 'permit-said', false);

  await page.goto(`/incidents/${ids.incident}`);
  await say.click();
  await page.fill('dialog input[name=reason]', 'and this');
  await page.locator('dialog input[name=close]').check();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Open again' }).click(); // it was acknowledged with it
  await page.locator('.act button.main').waitFor();
  await page.getByRole('link', { name: 'All permits' }).click();
  await page.waitForURL('**/config/permits');
  const rows = page.locator('main tbody tr');
  await rows.nth(1).waitFor();
  assert.equal(await rows.count(), 2);
  await rows.filter({ hasText: reason }).filter({ hasText: 'by admin' }).filter({ hasText: 'All models of' }).waitFor();
  await nothingRan(page, 'the list of permits');
  await rows.filter({ hasText: 'and this' }).getByRole('button', { name: /^End/ }).click();
  await page.locator('dialog button.main').click();
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(await rows.count(), 1);
  await accessible(page, 'the list of permits');
  await page.getByText('Over', { exact: true }).click();
  await rows.filter({ hasText: 'and this' }).filter({ hasText: /ended .* by admin/ }).waitFor();
  clean();
});

test('device: from the incident to the pattern of life', async () => {
  const { page } = first;
  await page.goto(`/incidents/${ids.incident}`);
  await page.locator(`aside .devices a[href="/devices/${ids.device}"]`).click();
  await page.waitForURL(`**/devices/${ids.device}`);
  await page.locator('.charts .u-wrap').first().waitFor();
  assert.ok((await page.locator('.breaches li').count()) >= 1);
  clean();
});

test('search: completion, a value filters, the URL keeps all, an error is shown at its place', async () => {
  const { page } = first;
  await page.goto('/search?from=-30d');
  await settled(page);
  const box = page.locator('input[name=q]');
  await box.fill('');
  await box.pressSequentially('conn_st');
  await page.locator('[role=option]').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await box.inputValue(), 'conn_state:');
  await page.keyboard.type('SF');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=conn_state%3ASF/);
  await settled(page);
  await page.locator('[role=gridcell]').first().waitFor();

  // A value by keyboard alone: into the grid, along the row, Enter, first of the menu.
  await page.locator('[role=gridcell][tabindex="0"]').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.locator('[role=menu]').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=conn_state%3ASF\+\S/);
  await settled(page);
  const url = page.url();
  const rows = await page.locator('[role=grid]').getAttribute('aria-rowcount');
  await page.goto('/status');
  await page.goto(url);
  await settled(page);
  assert.equal(await page.locator('[role=grid]').getAttribute('aria-rowcount'), rows, 'the URL alone brings it back');

  await page.locator('.bars').focus();
  for (const key of ['ArrowRight', 'Shift+ArrowRight', 'Enter']) await page.keyboard.press(key);
  await page.waitForURL(/from=20\d\d-/);

  await box.fill('(ip:10.0.0.1');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.locator('.error mark').waitFor();
  clean();
});

test('a search is kept under a name, opened again, replaced, deleted; it is the user’s own', async () => {
  const { page } = first;
  await page.goto('/search?q=conn_state%3ASF&from=-30d&kind=conn');
  await settled(page);
  const drop = page.getByRole('button', { name: 'Saved searches' });
  await drop.click();
  await page.fill('#saved-name', 'Whole <b>connections</b>');
  await page.keyboard.press('Enter');
  const link = page.getByRole('link', { name: 'Whole <b>connections</b>' });
  await link.waitFor();
  await accessible(page, 'saved searches');
  await shot(page, 'search-saved', false);
  await page.goto('/search?q=&from=-1h');
  await settled(page);
  await drop.click();
  await link.click();
  await page.waitForURL((u) => u.searchParams.get('q') === 'conn_state:SF' && u.searchParams.get('from') === '-30d' && u.searchParams.get('kind') === 'conn');
  await settled(page);
  await page.locator('[role=gridcell]').first().waitFor();
  await page.fill('#saved-name', 'whole <B>connections</B>');
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByRole('link', { name: 'whole <B>connections</B>' }).waitFor();
  assert.equal(await page.locator('.panel li').count(), 1);
  await page.getByRole('button', { name: /^Delete: / }).click();
  await page.getByText('You keep no searches yet.').waitFor();
  clean();
});

test('status: a running sensor tells its stages; the loss is one figure', async () => {
  const { page } = first;
  await page.goto('/status');
  await settled(page);
  const row = page.locator('section[aria-labelledby=stages] tbody tr', { hasText: 'office' });
  await row.waitFor({ timeout: REPORT_WAIT_MS });
  assert.match(await row.innerText(), /office[\s\S]*0 packets[\s\S]*nothing lost[\s\S]*B of [\s\S]*\d batch(es)? waiting[\s\S]*events\/s/);
  const source = page.locator('section[aria-labelledby=sources] tbody tr', { hasText: 'office' });
  assert.equal(await source.locator('td[data-label=Losses]').innerText(), 'nothing lost');
  clean();
});

test('packets: asked for from a device and from an event; what became of it is said, and stands in the list', async () => {
  const { page } = first;
  await page.goto(`/devices/${ids.device}`);
  const panel = page.locator('section[aria-labelledby=packets]');
  await panel.getByText('15 minutes').click();
  await panel.getByRole('button', { name: 'Fetch packets' }).click();
  // The sensor of this office watches nothing and keeps no packets: that is a reason, and is shown, perhaps after a feed that
  // has just gone was waited for.
  await panel.getByText('These packets could not be had').waitFor({ timeout: REPORT_WAIT_MS });
  await panel.getByText(/keeps no packets/).waitFor();
  await page.goto('/search?q=kind:conn&from=-30d');
  await page.locator('[role=gridcell]').first().click();
  await page.locator('aside.detail').getByRole('button', { name: 'Fetch packets' }).waitFor();
  await accessible(page, 'an event with its packets');
  await page.locator('aside.detail').getByRole('link', { name: 'All packets asked for' }).click();
  await page.locator('main table tbody tr').first().waitFor();
  await accessible(page, 'the list of packets');
  await page.getByRole('button', { name: /^Delete: / }).first().click();
  await page.locator('dialog button.danger').click();
  await page.getByText('Nobody has asked for packets').waitFor();
  await page.goto('/');
  await page.locator('nav[aria-label=Main]').getByRole('link', { name: 'Packets' }).click();
  await page.getByRole('heading', { name: 'Packets', level: 1 }).waitFor();
  clean();
});

test('in Japanese titles, stories and reasons are Japanese', async () => {
  const { context, problems } = await open(browser, { storageState: state, language: 'ja-JP' });
  const page = await context.newPage();
  const japanese = async (what) => {
    await page.locator(what).first().waitFor();
    for (const text of await page.locator(what).allInnerTexts()) assert.match(text, /[\u3040-\u30ff\u4e00-\u9fff]/, what);
  };
  await page.goto('/');
  for (const what of ['.incident .title', '.incident .summary']) await japanese(what);
  await page.goto(`/incidents/${ids.incident}`);
  for (const what of ['h1', '.story li', '.timeline .small.wrap bdi']) await japanese(what);
  await page.goto(`/breaches/${ids.breach}`);
  for (const what of ['h1', '.evidence .sentence']) await japanese(what);
  assert.deepEqual(problems, []);
  await context.close();
});

test('another language is loaded when it is chosen, and kept; one that does not come leaves the present one', async () => {
  const { context, problems } = await open(browser, { storageState: state });
  const page = await context.newPage();
  const loaded = [];
  page.on('request', (r) => loaded.push(...(new URL(r.url()).pathname.match(/\/(en|ja)-[^/]*\.js$/)?.slice(1, 2) ?? [])));
  const choose = async (name) => {
    await page.locator('.who').first().click();
    await page.getByText(name, { exact: true }).click();
    await page.keyboard.press('Escape');
  };
  await page.route(/\/ja-[^/]*\.js$/, (route) => route.abort(), { times: 1 });
  await page.goto('/devices');
  await settled(page);
  assert.deepEqual(loaded, ['en']);
  await choose('日本語');
  assert.equal(await page.locator('h1').innerText(), 'Devices');
  await page.reload();
  await settled(page);
  assert.deepEqual(loaded, ['en', 'ja', 'en'], 'what did not come is not kept as chosen');
  await choose('日本語');
  await page.locator('html[lang=ja] h1', { hasText: 'デバイス' }).waitFor();
  await page.reload();
  await page.locator('html[lang=ja] h1', { hasText: 'デバイス' }).waitFor();
  assert.equal(loaded.at(-1), 'ja');
  assert.deepEqual(problems, []);
  await context.close();
});

test('a token is shown once; the shortcuts lead everywhere', async () => {
  const { page } = first;
  await page.goto('/config/tokens');
  const label = `browser-${Date.now().toString(36)}`;
  await page.fill('#label', label);
  await page.keyboard.press('Enter');
  assert.match(await page.locator('dialog output').innerText(), new RegExp(`^${label}:\\S{16}`));
  await page.locator('dialog button.main').click();
  await page.locator('td', { hasText: label }).waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
  await page.locator('h1').click(); // out of the form: a shortcut is no text
  for (const [keys, path] of [['o', '/'], ['i', '/incidents'], ['d', '/devices'], ['s', '/search'], ['p', '/packets'], ['t', '/status'], ['c', '/config']]) {
    await page.keyboard.press('g');
    await page.keyboard.press(keys);
    await page.waitForURL((u) => u.pathname === path);
    await settled(page);
  }
  await page.keyboard.press('?');
  await page.locator('dialog kbd').first().waitFor();
  await accessible(page, 'help sheet');
  await page.keyboard.press('Escape');
  clean();
});

test('two tabs share one connection for live updates', async () => {
  const { context } = first;
  const other = await context.newPage();
  await other.goto('/');
  await other.locator('.pulse', { hasText: /\d/ }).waitFor();
  const streams = await other.evaluate(() => performance.getEntriesByType('resource').filter((r) => r.name.endsWith('/stream')).length);
  assert.equal(streams, 0, 'the second tab opened none');
  await other.close();
  clean();
});

for (const theme of THEMES)
  for (const size of Object.keys(SIZES))
    test(`every screen: ${theme}, ${size}`, async () => {
      const { context, problems } = await open(browser, { theme, size, storageState: state, language: size === 'wide' ? 'en-GB' : 'ja-JP' });
      const page = await context.newPage();
      for (const [name, path] of screens(ids)) {
        await page.goto(path);
        await settled(page);
        await fits(page, name);
        await accessible(page, `${name} (${theme}, ${size})`);
        await nothingRan(page, name);
        await shot(page, `${name}-${theme}-${size}`);
      }
      assert.deepEqual(problems, []);
      await context.close();
    });

test('log out: the session is gone', async () => {
  const { page } = first;
  await page.goto('/');
  await page.locator('button.user').click();
  await page.locator('dialog .out button').click();
  await page.locator('input[name=username]').waitFor();
  assert.equal(await page.evaluate(async () => (await fetch('/api/v1/session')).status), 401);
  assert.equal(new URL(page.url()).origin, new URL(BASE).origin);
});
