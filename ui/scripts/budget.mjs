// SPDX-License-Identifier: Apache-2.0
// After a build: what the first screen and each later one weigh, gzipped, held against the budget; and that
// nothing that was built points outside.
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const FIRST_KB = 90;
const LATER_KB = 60;
const TOTAL_KB = 450;
const out = process.env['THYMUS_UI_OUT'] ?? fileURLToPath(new URL('../../build/ui', import.meta.url));
const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
rmSync(join(out, 'manifest.json')); // made for this check, not to be served
const weigh = (file) => gzipSync(readFileSync(join(out, file))).length / 1000;

/** Scripts that `name` cannot run without. */
function needed(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const other of manifest[name].imports ?? []) needed(other, seen);
  return seen;
}
const sum = (names) => [...names].reduce((kb, n) => kb + (manifest[n].file.endsWith('.js') ? weigh(manifest[n].file) : 0), 0);

let failed = false;
const line = (ok, text) => {
  failed ||= !ok;
  console.log(`${ok ? 'ok' : 'not ok'} ${text}`);
};
const entry = Object.keys(manifest).find((n) => manifest[n].isEntry);
const shell = needed(entry);
const languages = Object.keys(manifest).filter((n) => /^src\/texts\/\w+\.ts$/.test(n) && manifest[n].isDynamicEntry);
line(languages.length > 1, `languages, each loaded by itself: ${languages.length}`);
const heaviest = languages.reduce((a, b) => (sum(needed(a)) > sum(needed(b)) ? a : b));
const overview = needed('src/screens/Overview.svelte', needed(heaviest, new Set(shell)));
line(sum(overview) <= FIRST_KB, `first screen ${sum(overview).toFixed(1)} kB of ${FIRST_KB}`);
for (const name of Object.keys(manifest)) {
  if (!manifest[name].isDynamicEntry) continue;
  const own = [...needed(name)].filter((n) => !shell.has(n));
  line(sum(own) <= LATER_KB, `${name} ${sum(own).toFixed(1)} kB of ${LATER_KB}`);
}
const scripts = readdirSync(join(out, 'assets')).filter((f) => f.endsWith('.js'));
const total = scripts.reduce((kb, f) => kb + weigh(join('assets', f)), 0);
line(total <= TOTAL_KB, `all scripts ${total.toFixed(1)} kB of ${TOTAL_KB}`);

const HARMLESS = /^https?:\/\/(www\.w3\.org\/|svelte\.dev\/e\/)/; // namespaces; a link in error texts
for (const file of ['index.html', ...readdirSync(join(out, 'assets')).map((f) => join('assets', f))]) {
  if (!/\.(html|js|css)$/.test(file)) continue;
  const foreign = (readFileSync(join(out, file), 'utf8').match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter((u) => !HARMLESS.test(u));
  if (foreign.length) line(false, `${file} names ${foreign.slice(0, 3).join(' ')}`);
}
process.exit(failed ? 1 : 0);
