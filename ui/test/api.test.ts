// SPDX-License-Identifier: Apache-2.0
// What the UI asks for is there: every path in a call of http.ts stands in the API's description, with its method.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const METHODS: Record<string, string> = { get: 'get', post: 'post', put: 'put', patch: 'patch', del: 'delete' };
const api = JSON.parse(readFileSync(join(process.cwd(), '../docs/openapi.json'), 'utf8')) as { paths: Record<string, object> };

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((f) => {
    const path = join(folder, f.name);
    return f.isDirectory() ? sources(path) : /\.(svelte|ts)$/.test(f.name) ? [readFileSync(path, 'utf8')] : [];
  });
}

test('every request of the UI is one that the API has', () => {
  const calls = [...sources(join(process.cwd(), 'src')).join('\n').matchAll(/\b(get|post|put|patch|del)(?:<\w+>)?\(([`'])(\/[^`']*)\2/g)];
  assert.ok(calls.length > 25, `${calls.length} calls`);
  for (const [, call = '', , path = ''] of calls) {
    const known = api.paths[`/api/v1${path.replace(/\$\{[^}]*\}/g, '{id}')}`] ?? {};
    assert.ok(Object.hasOwn(known, METHODS[call] ?? ''), `${call} ${path}`);
  }
});
