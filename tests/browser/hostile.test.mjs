// SPDX-License-Identifier: Apache-2.0
// Foreign strings in every text of every answer of the master, and in every text field of every kind of event that it
// has: each string of the list reaches each place, is seen there as text, nothing runs, nothing becomes an element,
// the layout holds. The answers of the first part are the real ones, with their texts replaced on the way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SIZES, launch, open, settled, shot } from './browser.mjs';
import { accessible, fits, nothingRan } from './checks.mjs';
import { fed } from './feed.mjs';
import { login } from './login.mjs';
import { chosenIds, screens } from './screens.mjs';
import { Ledger, SENT, STORED } from './strings.mjs';

/** Rows that are left of a list: more than there are strings, so one answer has all of them in each column. */
const ROWS = 12;
/** At most so many visits: a text that an answer has once gets another each time. */
const VISITS = { wide: 3, narrow: Object.keys(SENT).length + 2 };
const SLOW_MS = 60_000;
/** Members that are not free text: identity, time, and words of which the API has a closed list. */
const CLOSED = new Set(['id', 'time', 'start', 'end', 'first', 'last', 'from', 'to', 'first_seen', 'last_seen', 'updated', 'created', 'now',
  'since', 'started', 'expires', 'oldest', 'last_batch', 'last_login', 'last_used', 'state', 'status', 'severity', 'next', 'csrf', 'rights',
  'calibration', 'time_zone', 'role', 'incident', 'breaches', 'features', 'feature', '_entity', '_time', '_id', 'type', 'unit', 'sensor', 'heard']);
/** Screens that have nothing foreign of their own: forms, a wrong query, a wrong address. */
const OWN_TEXT = new Set(['search-error', 'config-settings', 'config-account', 'nowhere']);
const NAMES = Object.keys(SENT);

class Spoiler {
  given = new Ledger(NAMES);
  shown = new Ledger(NAMES);
  /** Texts of the answers that a screen asked for. */
  of = new Map();
  #turn = 0;
  screen = '';

  #text(place) {
    // One that the text has not had, else one that its screen has not shown: a screen may load again before it is read.
    const name = this.given.lacks(place)[0] ?? this.shown.lacks(this.screen)[0] ?? NAMES[this.#turn++ % NAMES.length];
    this.given.note(place, name);
    this.of.get(this.screen).add(place);
    return SENT[name].text;
  }
  spoil(value, place, key = '') {
    if (typeof value === 'string') return CLOSED.has(key) || /^\d{4}-\d\d-\d\dT/.test(value) ? value : this.#text(place) + value;
    if (Array.isArray(value)) return value.slice(0, ROWS).map((v) => this.spoil(v, `${place}[]`, key));
    if (!value || typeof value !== 'object') return value;
    const named = 'fields' in value || 'help' in value || 'type' in value; // a kind or a field: its name is its identity
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, named && k === 'name' ? v : this.spoil(v, `${place}.${k}`, k)]));
  }
  async route(route) {
    // As a browser does (RFC 9110, 9.2.2): a connection kept from before may be closed by the server, after its 30 idle
    // seconds, while the request is on its way; what only asks is then asked again. Playwright does not by itself.
    const answer = await route.fetch({ maxRetries: route.request().method() === 'GET' ? 1 : 0 });
    let body = await answer.text();
    const path = new URL(route.request().url()).pathname.replace('/api/v1', '').replace(/\/[0-9a-z]{16,}$/, '/{id}');
    if ((answer.headers()['content-type'] ?? '').includes('json') && body) body = JSON.stringify(this.spoil(JSON.parse(body), path));
    await route.fulfill({ response: answer, body });
  }
  begin(screen) {
    this.screen = screen;
    if (!this.of.has(screen)) this.of.set(screen, new Set());
  }
  /** Does a text of the screen lack a string? */
  waits(screen) {
    return [...this.of.get(screen)].some((place) => this.given.lacks(place).length > 0);
  }
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
  // A list of packets needs somebody who asked for some.
  await page.goto(`/devices/${ids.device}`);
  const asked = page.waitForResponse((r) => r.request().method() === 'POST' && r.url().endsWith('/packets') && r.ok());
  await page.locator('section[aria-labelledby=packets]').getByRole('button', { name: 'Fetch packets' }).click();
  await asked;
  await page.goto('/packets');
  await page.locator('main table tbody tr').first().waitFor();
  assert.ok(ids.incident && ids.breach && ids.device, 'an incident with a breach of a device');
  await context.close();
});
after(async () => {
  await browser?.close();
});

async function openEvent(page, row) {
  await page.locator(`[data-cell="${row}-0"]`).focus();
  await page.keyboard.press('Space');
  await page.locator(`.chosen [data-cell="${row}-0"]`).waitFor();
  await page.locator('aside.detail').waitFor();
}

/** Which strings stand on the screen as text. */
const marks = (page) =>
  page.evaluate((all) => {
    const text = document.querySelector('main').textContent;
    return Object.keys(all).filter((name) => text.includes(all[name].mark));
  }, SENT);

const spoiler = new Spoiler();
const { shown } = spoiler;
for (const size of Object.keys(SIZES))
  test(`every string in every text of every answer, ${size}`, async () => {
    const { context, problems } = await open(browser, { size, storageState: state, theme: size === 'wide' ? 'light' : 'dark', language: size === 'wide' ? 'en-GB' : 'ja-JP' });
    await context.route(/\/api\/v1\/(?!stream)/, (route) => spoiler.route(route));
    const page = await context.newPage();
    for (const [screen, path] of screens(ids)) {
      spoiler.begin(screen);
      for (let visit = 0; visit === 0 || (visit < VISITS[size] && (spoiler.waits(screen) || (!OWN_TEXT.has(screen) && shown.lacks(screen).length))); visit++) {
        await page.goto(path);
        await settled(page, SLOW_MS);
        await fits(page, screen);
        await nothingRan(page, screen);
        for (const name of await marks(page)) shown.note(screen, name);
      }
      if (screen === 'search') {
        await openEvent(page, 0);
        await nothingRan(page, 'event');
        await fits(page, 'event');
      }
      if (screen === 'incident') await shot(page, `hostile-${size}`, false);
    }
    await accessible(page, 'the last screen');
    assert.deepEqual(problems, []);
    await context.close();
  });

test('every text got every string, and every screen showed every string as text', () => {
  spoiler.given.complete('every text got every string');
  shown.complete('every screen showed every string as text', screens(ids).map(([s]) => s).filter((s) => !OWN_TEXT.has(s)));
  assert.ok(spoiler.given.places().length > 60, `${spoiler.given.places().length} texts`);
  for (const place of ['/incidents.incidents[].title', '/devices.devices[].hostname', '/breaches/{id}.evidence[].sentence', '/status.sources[].name', '/search.rows[].query'])
    assert.ok(spoiler.given.places().includes(place), place);
});

/** Fields of an event's detail, with their texts. */
const detail = (page) => page.evaluate(() => [...document.querySelectorAll('aside.detail .field')].map((f) => [f.querySelector('dt').textContent, f.querySelector('dd').textContent]));
/** Cells of the grid with the names of their columns. */
const cells = (page) => page.evaluate(() => {
  const names = [...document.querySelectorAll('[role=columnheader]')].map((h) => h.title);
  return [...document.querySelectorAll('[role=gridcell]')].map((c) => [names[Number(c.getAttribute('aria-colindex')) - 1], c.textContent]);
});
const IN_NAMES = ['-->"]]>`${window.__ran', 'javascript:window.__ran', '"},{"id":"', "hostilemark'?OR", 'A'.repeat(40)];
/** All names of devices in an answer. */
const hostnames = (page, path) =>
  page.evaluate(async (asked) => {
    const found = [];
    const walk = (v) => {
      if (v && typeof v === 'object') for (const [key, inner] of Object.entries(v)) key === 'hostname' && typeof inner === 'string' ? found.push(inner) : walk(inner);
    };
    walk(await (await fetch(`/api/v1${asked}`)).json());
    return found;
  }, path);
/** The master makes these itself, of ids and names of its own tables. */
const OWN_KINDS = new Set(['metric']);
const TEXT_TYPES = new Set(['string', 'strings']);

test('hostile events that the master really has: every string in every text field of every kind', { skip: process.env.THYMUS_HOSTILE ? false : 'THYMUS_HOSTILE names no search that finds them' }, async () => {
  const { context, problems } = await open(browser, { storageState: state });
  const page = await context.newPage();
  await page.goto('/');
  const kinds = await page.evaluate(async () => (await (await fetch('/api/v1/fields')).json()).kinds);
  const details = new Ledger(Object.keys(STORED));
  const grids = new Ledger(Object.keys(STORED));
  for (const { name: kind, fields } of kinds) {
    const texts = fields.filter((f) => TEXT_TYPES.has(f.type)).map((f) => f.name);
    if (texts.length === 0 || OWN_KINDS.has(kind)) continue;
    await page.goto(`/search?${new URLSearchParams({ q: process.env.THYMUS_HOSTILE, kind, from: '', columns: texts.join(',') })}`);
    await settled(page);
    for (const ledger of [details, grids]) for (const field of texts) ledger.note(`${kind}.${field}`);
    for (const [field, shown] of await cells(page))
      for (const [name, text] of Object.entries(STORED)) if (texts.includes(field) && shown.startsWith(text)) grids.note(`${kind}.${field}`, name);
    const rows = await page.locator('[role=gridcell][aria-colindex="1"]').count();
    for (let row = 0; row < rows; row++) {
      await openEvent(page, row);
      for (const [field, shown] of await detail(page))
        for (const [name, text] of Object.entries(STORED)) if (texts.includes(field) && shown.startsWith(text)) details.note(`${kind}.${field}`, name);
      await nothingRan(page, `${kind} ${row}`);
    }
    await fits(page, kind);
  }
  // Names of devices are made of such strings by the master itself, which takes only printable ASCII into them.
  for (const [screen, path] of [['overview', '/'], ['incidents', '/incidents?state=all'], ['devices', '/devices?q=hostilemark']]) {
    await page.goto(path);
    await settled(page);
    await nothingRan(page, screen);
    await fits(page, screen);
    const text = await page.locator('main').innerText();
    // Which devices are among the highest of the overview is for their scores to say.
    const names = screen === 'overview' ? await hostnames(page, '/overview') : null;
    const given = IN_NAMES.filter((mark) => !names || names.some((name) => name.includes(mark)));
    assert.ok(given.length > 0, `${screen} is given a hostile name`);
    for (const mark of given) assert.ok(text.includes(mark), `${screen} has a name with ${mark}`);
  }
  details.complete('every text field showed every string in full');
  grids.complete('every text field showed every string in the grid');
  assert.deepEqual(problems, []);
  await context.close();
});
