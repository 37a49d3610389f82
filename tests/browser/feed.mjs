// SPDX-License-Identifier: Apache-2.0
// Tests that choose a finding wait until there come no more: the roles that make rows and findings have applied
// the log as far as it was fed, and what they found was stored.
//
//   THYMUS_LOG_END   position of the last record of what was fed   (the end of the log when this is asked)
import assert from 'node:assert/strict';

const FOLLOWERS = ['core', 'seal', 'store'];
const EACH_MS = 250;

/** Waits until all followers are past the end of what was fed, by the API with the page's own session. */
export async function fed(page, timeoutMs = 180_000) {
  const status = () => page.evaluate(async () => {
    const answer = await fetch('/api/v1/status');
    return answer.ok ? answer.json() : null;
  });
  let last = process.env.THYMUS_LOG_END ? Number(process.env.THYMUS_LOG_END) : null;
  let seen = [];
  for (const end = Date.now() + timeoutMs; Date.now() < end; await new Promise((done) => setTimeout(done, EACH_MS))) {
    const now = await status();
    last ??= now?.log ? now.log.next - 1 : null;
    seen = (now?.roles ?? []).filter((r) => FOLLOWERS.includes(r.name));
    if (last !== null && seen.length === FOLLOWERS.length && seen.every((r) => r.state === 'up' && r.gauges.position > last && !r.gauges.outbox_bytes)) return;
  }
  assert.fail(`not applied in ${timeoutMs} ms, to position ${last}: ${JSON.stringify(seen.map((r) => [r.name, r.state, r.gauges]))}`);
}
