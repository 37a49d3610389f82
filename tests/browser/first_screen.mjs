// SPDX-License-Identifier: Apache-2.0
// first_screen.mjs ROUNDS: how long the first screen takes in a browser that has nothing kept, from the address to
// a screen that shows its data, and to the first pulse of the stream; and the bytes that come for it, as they are on the wire. Prints one JSON object.
//   THYMUS_URL, THYMUS_CHROMIUM   see browser.mjs
//   THYMUS_COOKIES                [{name, value}] of a session: the overview; without, the login
import { BASE, launch, open, settled } from './browser.mjs';

const rounds = Number(process.argv[2] ?? 5);
const cookies = JSON.parse(process.env.THYMUS_COOKIES ?? '[]');
const browser = await launch();
const shown = [];
const live = [];
let bytes = {};
for (let i = 0; i < rounds + 1; i++) {
  const { context } = await open(browser);
  await context.addCookies(cookies.map((c) => ({ ...c, url: BASE, secure: true, httpOnly: true, sameSite: 'Strict' })));
  const page = await context.newPage();
  await page.goto('/', { waitUntil: 'commit' });
  await settled(page);
  const seen = await page.evaluate(() => {
    const size = { code: 0, data: 0 };
    for (const e of [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')])
      size[new URL(e.name).pathname.startsWith('/api/') ? 'data' : 'code'] += e.encodedBodySize;
    return { ms: performance.now(), size };
  });
  if (cookies.length) await page.locator('.pulse', { hasText: /\d/ }).waitFor();
  if (i > 0) { // the first one warms the browser, not its cache
    shown.push(seen.ms);
    live.push(await page.evaluate(() => performance.now()));
  }
  bytes = seen.size;
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ shown_ms: shown, live_ms: live, code_bytes: bytes.code, data_bytes: bytes.data }));
