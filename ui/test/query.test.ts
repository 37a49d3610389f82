// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields } from '../src/api';
import { addCondition, complete, quote, tokens, unitsOfBytes } from '../src/lib/query';

const field = (name: string, type = 'string'): Fields['kinds'][0]['fields'][0] => ({ name, type, unit: '', help: `about ${name}` });
const fields: Fields = {
  kinds: [
    { name: 'conn', help: '', fields: [field('id.orig_h', 'addr'), field('id.resp_h', 'addr'), field('conn_state'), field('proto'), field('local_orig', 'bool')] },
    { name: 'dns', help: '', fields: [field('id.orig_h', 'addr'), field('query'), field('rcode_name')] },
  ],
};
const words = (text: string): string[] => tokens(text).map((x) => text.slice(x.start, x.end));
const offered = (text: string, caret = text.length, kinds: string[] = []): string[] => complete(text, caret, fields, kinds).items.map((i) => i.insert);

test('tokens: terms, operators, brackets, quoted strings', () => {
  assert.deepEqual(words('a AND (b:"x y" OR -c:1..5)'), ['a', 'AND', '(', 'b:"x y"', 'OR', '-c:1..5', ')']);
  assert.deepEqual(tokens('a AND b:1').map((x) => x.kind), ['word', 'operator', 'term']);
  assert.equal(tokens('fe80::1')[0]?.kind, 'term'); // as the language reads it: that is why values are quoted
  assert.deepEqual(words('x:"a \\" b" y'), ['x:"a \\" b"', 'y']);
  assert.deepEqual(words('x:"never closed (('), ['x:"never closed ((']);
  assert.deepEqual(tokens(''), []);
});

test('completion: fields by any part of their name, best first', () => {
  assert.equal(offered('que')[0], 'query:');
  assert.deepEqual(offered('resp'), ['id.resp_h:']);
  assert.equal(offered('ip:1.2.3.4 con')[0], 'conn_state:');
  assert.deepEqual(offered('zzz'), []);
});

test('completion: only fields of the chosen kinds, each once', () => {
  assert.deepEqual(offered('query', 5, ['conn']), []);
  assert.equal(offered('id.orig').filter((x) => x === 'id.orig_h:').length, 1);
});

test('completion: values of fields that have few', () => {
  assert.deepEqual(offered('proto:t'), ['tcp']);
  assert.deepEqual(offered('local_orig:'), ['true', 'false']);
  assert.deepEqual(offered('query:exa'), []);
  const c = complete('proto:u AND x', 7, fields);
  assert.deepEqual([c.start, c.end], [6, 7]);
});

test('completion: operators, a leading minus, nothing inside quotes', () => {
  assert.ok(offered('no').includes('NOT '));
  assert.equal(offered('-que')[0], '-query:');
  assert.deepEqual(offered('"que'), []);
});

test('quote: plain words stay, everything else is quoted and escaped', () => {
  assert.equal(quote('10.0.0.5'), '10.0.0.5');
  assert.equal(quote('fe80::1'), '"fe80::1"');
  assert.equal(quote('*.example.com'), '"*.example.com"');
  assert.equal(quote('a"b\\c'), '"a\\"b\\\\c"');
  assert.equal(quote('AND'), '"AND"');
  assert.equal(quote('1..5'), '"1..5"');
  assert.equal(quote(''), '""');
});

test('addCondition: adds once, replaces its contrary, keeps the rest', () => {
  assert.equal(addCondition('', 'proto', 'tcp', false), 'proto:tcp');
  assert.equal(addCondition('proto:tcp', 'proto', 'tcp', false), 'proto:tcp');
  assert.equal(addCondition('a proto:tcp', 'proto', 'tcp', true), 'a NOT proto:tcp');
  assert.equal(addCondition('NOT proto:tcp AND a', 'proto', 'tcp', false), 'a proto:tcp');
  assert.equal(addCondition('(a OR b) c', 'x', '1', true), '(a OR b) c NOT x:1');
});

test('addCondition: an OR at the top is put in brackets, so that both sides are meant', () => {
  assert.equal(addCondition('a OR b', 'x', '1', false), '(a OR b) x:1');
});

test('a place in bytes is found in the text', () => {
  assert.equal(unitsOfBytes('abc', 2), 2);
  assert.equal(unitsOfBytes('日本 x', 7), 3);
  assert.equal(unitsOfBytes('😀x', 4), 2);
  assert.equal(unitsOfBytes('ab', 99), 2);
});
