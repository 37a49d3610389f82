// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Texts } from '../src/lib/catalogue';
import { fill, placeholders } from '../src/lib/message';
import en from '../src/texts/en';
import ja from '../src/texts/ja';

const root = join(process.cwd(), '..');
const entries = (texts: Texts): [string, string][] => Object.entries(texts);
/** Names that are no translation: GB is the same everywhere, so is an example, and a line of nothing but parameters. */
const SAME = new Set(['tokens.byWhom', 'settings.data.unit', 'search.placeholder', 'breach.events.textAlone', 'incident.title', 'story.phase', 'story.end', 'evidence.detail', 'status.storage.text']);

test('every text is there in both languages, in one order, with the same parameters', () => {
  assert.deepEqual(Object.keys(ja).sort(), Object.keys(en).sort());
  const order = (texts: Texts): string[] => Object.keys(texts).filter((key) => key.startsWith('tactic.'));
  assert.deepEqual(order(ja), order(en));
  for (const [key, text] of entries(ja)) {
    const english = (en as Record<string, string>)[key] ?? '';
    assert.ok(text.trim().length > 0 && english.trim().length > 0, key);
    assert.deepEqual(placeholders(text), placeholders(english), key);
  }
});

test('Japanese texts are Japanese, and have no plural forms', () => {
  for (const [key, text] of entries(ja)) {
    if (!SAME.has(key)) assert.match(text, /[\u3040-\u30ff\u4e00-\u9fff]/, key);
    assert.ok(!text.includes('|'), key);
  }
});

test('English plurals name the number', () => {
  for (const [key, text] of entries(en)) if (text.includes('|')) assert.ok(placeholders(text).includes('n'), key);
});

test('no text is left over, and none is made up', () => {
  const sources = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((f) => {
      const path = join(folder, f.name);
      if (f.isDirectory()) return sources(path);
      return /\.(svelte|ts)$/.test(f.name) && !/\/texts$/.test(folder) ? [readFileSync(path, 'utf8')] : [];
    });
  const all = sources(join(process.cwd(), 'src')).join('\n');
  const keys = new Set(Object.keys(en));
  for (const [, key = ''] of all.matchAll(/\bt\('([^']+)'/g)) assert.ok(keys.has(key), `${key} is used`);
  // Keys put together at run time, t(`users.${kind}`), count for all that begin so.
  const starts = [...all.matchAll(/t\(`([^`$]*)\$\{/g)].map((m) => m[1] ?? '').concat(['model.', 'feature.', 'tactic.', 'refusal.', 'says.', 'kind.', 'offer.', 'sensors.status.', 'error.', 'group.did.']);
  for (const key of keys) assert.ok(all.includes(`'${key}'`) || starts.some((s) => key.startsWith(s)), `${key} is not used`);
});

test('every model and measure of the tree has its name here', () => {
  for (const file of readdirSync(join(root, 'models')).filter((f) => f.endsWith('.yaml'))) {
    const text = readFileSync(join(root, 'models', file), 'utf8');
    const id = /^id: (.*)$/m.exec(text)?.[1] ?? '';
    const name = /^name: (.*)$/m.exec(text)?.[1] ?? '';
    assert.equal((en as Record<string, string>)[`model.${id}`], name, file);
  }
  const features = readFileSync(join(root, 'lib/learn/include/learn/features.def'), 'utf8');
  for (const [, name = ''] of features.matchAll(/^TH_FEATURE\(\w+, "([^"]+)"/gm))
    assert.ok(Object.hasOwn(en, `feature.${name}`), name);
});

test('what a group did has the server’s words in English', () => {
  const names = new Map([...readFileSync(join(root, 'lib/learn/include/learn/features.def'), 'utf8').matchAll(/^TH_FEATURE\((\w+), "([^"]+)"/gm)].map((m) => [m[1], m[2]]));
  const group = [...readFileSync(join(root, 'lib/model/group_features.def'), 'utf8').matchAll(/^TH_GROUP_FEATURE\((\w+), \w+, "([^"]+)"/gm)];
  assert.ok(group.length > 20);
  for (const [, name = '', did] of group) assert.equal((en as Record<string, string>)[`group.did.${names.get(name) ?? ''}`], did, name);
  assert.equal(Object.keys(en).filter((key) => key.startsWith('group.did.')).length, group.length);
});

test('every reason for which the master refuses is counted by its API, and has its name here', () => {
  const shape = JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8')) as { components: { schemas: { Refusals: { properties: object } } } };
  const counted = Object.keys(shape.components.schemas.Refusals.properties);
  const words = [...readFileSync(join(root, 'src/master/intake_i.h'), 'utf8').matchAll(/^ {4}X\(\w+, "(\w+)"\)/gm)].map((m) => m[1] ?? '');
  assert.ok(words.length > 5);
  for (const word of words) assert.ok(counted.includes(word), `${word} is counted`);
  for (const word of counted) assert.ok(Object.hasOwn(en, `refusal.${word}`), word);
});

test('fill: parameters, plurals, and what is missing stays visible', () => {
  assert.equal(fill('{n} host|{n} hosts', { n: 1 }, 'en'), '1 host');
  assert.equal(fill('{n} host|{n} hosts', { n: 1200 }, 'en'), '1,200 hosts');
  assert.equal(fill('{a} {b}', { a: 'x{b}' }, 'en'), 'x{b} {b}');
  assert.equal(fill('{n}台', { n: 5 }, 'ja'), '5台');
});
