// SPDX-License-Identifier: Apache-2.0
// Logs in by the screens. The first time a password is chosen and the authenticator enrolled from the picture.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { shot } from './browser.mjs';
import { readCode } from './qr.mjs';
import { freshCode } from './totp.mjs';

const FILE = process.env.THYMUS_CREDENTIALS;
const OWN_PASSWORD = 'a sentence that only tests remember';

export function credentials() {
  assert.ok(FILE, 'THYMUS_CREDENTIALS names no file');
  return JSON.parse(readFileSync(FILE, 'utf8'));
}

export async function login(page, path = '/') {
  const known = credentials();
  await page.goto(path);
  await page.fill('input[name=username]', known.user);
  await page.fill('input[name=password]', known.password);
  await page.keyboard.press('Enter');
  if (known.secret) {
    await page.fill('input[name=code]', await freshCode(known.secret));
    await page.keyboard.press('Enter');
  } else await enrol(page, known);
  await page.locator('nav[aria-label]').first().waitFor();
}

async function enrol(page, known) {
  await page.fill('input[name=new-password]', OWN_PASSWORD);
  await page.fill('input[name=repeat-password]', OWN_PASSWORD);
  await page.keyboard.press('Enter');
  const picture = page.locator('img[src^="data:image/svg"]');
  await picture.waitFor();
  await shot(page, 'login-enrol');
  const read = await readCode(picture);
  assert.ok(read?.startsWith('otpauth://totp/'), `the picture reads as ${read}`);
  const secret = new URL(read).searchParams.get('secret');
  assert.equal(secret, await page.locator('[data-secret]').getAttribute('data-secret'), 'picture and text have one secret');
  await page.fill('input[name=code]', await freshCode(secret));
  await page.keyboard.press('Enter');
  const codes = page.locator('ol.codes li');
  await codes.first().waitFor();
  assert.equal(await codes.count(), 10, 'ten recovery codes');
  await shot(page, 'login-recovery-codes');
  writeFileSync(FILE, JSON.stringify({ ...known, password: OWN_PASSWORD, secret, recovery: (await codes.allInnerTexts())[0] }), { mode: 0o600 });
  await page.locator('form button.main').click();
}
