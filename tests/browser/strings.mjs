// SPDX-License-Identifier: Apache-2.0
// Foreign strings that want to run, to break out, to turn the line around or to burst it; of each, how its beginning
// stands on a screen: as the text that it is, with controls made visible.
import assert from 'node:assert/strict';

const hostile = (text, mark = text.slice(0, 24)) => ({ text, mark });

/** For answers of the master that are replaced on the way. */
export const SENT = {
  html: hostile(`<img src=x onerror="window.__ran++"><svg onload="window.__ran++"><script>window.__ran++</script>`),
  breakout: hostile(`'-->"]]>\`\${window.__ran++}{{constructor.constructor('window.__ran++')()}}</textarea></style></script><iframe srcdoc="<script>parent.__ran++</script>">`),
  link: hostile('javascript:window.__ran++//'),
  direction: hostile('\u202Egnp.exe\u202C \u2066\u200Fשלום\u2069 \u0000\u0007\u001b[31m', '\uFFFDgnp.exe\uFFFD'),
  long: hostile('A'.repeat(10_000)),
  wide: hostile(`${'W'.repeat(300)} ${'日本語'.repeat(800)}`),
};

/** What tests/support/hostile_events.c puts into every text field of every kind of event, one event a string. */
export const STORED = {
  html: 'hostilemark<img src=x onerror="window.__ran++"><script>window.__ran++</script>',
  breakout: 'hostilemark\'-->"]]>`${window.__ran++}{{7*7}}</textarea></style></script>',
  link: 'javascript:window.__ran++//hostilemark',
  direction: 'hostilemark \uFFFDgnp.exe\uFFFD \u241B[31m \u2407',
  json: 'hostilemark"},{"id":"x',
  sql: "hostilemark' OR 1=1; DROP TABLE conn;--",
  broken: 'hostilemark \\xff\\xfe\\x80 broken',
  long: `hostilemark${'A'.repeat(100)}`,
};

/** Notes what has been seen of a full set, by place. */
export class Ledger {
  #seen = new Map();
  #all;
  constructor(all) {
    this.#all = all;
  }
  note(place, name) {
    if (!this.#seen.has(place)) this.#seen.set(place, new Set());
    if (name) this.#seen.get(place).add(name);
  }
  /** What the place still lacks. */
  lacks(place) {
    return this.#all.filter((name) => !this.#seen.get(place)?.has(name));
  }
  places() {
    return [...this.#seen.keys()];
  }
  complete(what, places = this.places()) {
    const missing = places.flatMap((place) => (this.lacks(place).length ? [`${place}: ${this.lacks(place).join(', ')}`] : []));
    assert.deepEqual(missing, [], `${what}, of ${places.length}`);
  }
}
