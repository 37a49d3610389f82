// SPDX-License-Identifier: Apache-2.0
// RFC 6238 as authenticator apps have it: SHA-1, six digits, 30 seconds.
import { createHmac } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const STEP_S = 30;

function base32(text) {
  let bits = 0;
  let value = 0;
  const out = [];
  for (const c of text.replace(/[\s=]/g, '').toUpperCase()) {
    const digit = ALPHABET.indexOf(c);
    if (digit < 0) throw new Error(`not Base32: ${c}`);
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) out.push((value >>> (bits -= 8)) & 0xff);
    value &= 0xff;
  }
  return Buffer.from(out);
}

export function code(secret, nowMs) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 1000 / STEP_S)));
  const mac = createHmac('sha1', base32(secret)).update(counter).digest();
  const at = (mac[19] ?? 0) & 0xf;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** A code serves once: waits for the next step when this one was used. */
let lastStep = 0;
export async function freshCode(secret) {
  let step = Math.floor(Date.now() / 1000 / STEP_S);
  while (step <= lastStep) {
    await new Promise((done) => setTimeout(done, (lastStep + 1) * STEP_S * 1000 - Date.now() + 200));
    step = Math.floor(Date.now() / 1000 / STEP_S);
  }
  lastStep = step;
  return code(secret, Date.now());
}
