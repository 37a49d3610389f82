// SPDX-License-Identifier: Apache-2.0
// One Chromium for a test file, and pages that notice what must not happen: a script error, a breach of the
// content security policy, a request to anywhere but the master, a foreign string that ran.
//
//   THYMUS_URL          where the master is                      (https://127.0.0.1:8443)
//   THYMUS_CHROMIUM     the browser                              (/usr/bin/chromium)
//   THYMUS_CREDENTIALS  file {"user","password","secret"?}: without a secret the password is the one-time
//                       password; the first login then writes the new password and the secret into it
//   THYMUS_SHOTS        folder for a picture of every screen     (none)
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const BASE = process.env.THYMUS_URL ?? 'https://127.0.0.1:8443';
const SHOTS = process.env.THYMUS_SHOTS;
if (SHOTS) mkdirSync(SHOTS, { recursive: true });

export const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
export const THEMES = ['light', 'dark'];

export const launch = () =>
  chromium.launch({
    executablePath: process.env.THYMUS_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });

/** A context that keeps `problems`: what its pages did that they must not. */
export async function open(browser, { theme = 'light', size = 'wide', language = 'en-GB', storageState } = {}) {
  const context = await browser.newContext({
    baseURL: BASE, viewport: SIZES[size], colorScheme: theme, locale: language, ignoreHTTPSErrors: true,
    reducedMotion: 'reduce', ...(storageState ? { storageState } : {}),
  });
  context.setDefaultTimeout(15_000);
  const problems = [];
  await context.addInitScript(() => {
    window.__ran = 0;
    document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
  });
  context.on('page', (page) => {
    page.on('pageerror', (e) => problems.push(`script error: ${e.message}`));
    page.on('dialog', (d) => {
      problems.push(`a dialog: ${d.message()}`);
      void d.dismiss();
    });
    page.on('console', (m) => {
      if (/CSP:|Content Security Policy/.test(m.text())) problems.push(m.text());
    });
    page.on('request', (r) => {
      const url = new URL(r.url());
      if (url.protocol.startsWith('http') && url.origin !== new URL(BASE).origin) problems.push(`a request to ${url.origin}`);
    });
  });
  return { context, problems };
}

export async function shot(page, name, fullPage = true) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}

/** The screen is there: its heading, and nothing that still loads. */
export async function settled(page, timeout = 15_000) {
  try {
    await page.locator('h1').first().waitFor({ timeout });
    await page.waitForFunction(() => ![...document.querySelectorAll('.loading, .progress.on')].some((e) => e.checkVisibility()), null, { timeout });
  } catch (e) {
    throw new Error(`${page.url()} is not there, or still loads`, { cause: e });
  }
}
