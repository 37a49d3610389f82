// SPDX-License-Identifier: Apache-2.0
// The language of the page. Texts come from catalogue.ts, which is complete in both or does not compile.
import { catalogue, LANGUAGES, type Key, type Language } from './catalogue';
import { fill } from './message';
import { remember, remembered } from './storage';

function preferred(): Language {
  const chosen = remembered('language');
  const wanted = [...(chosen ? [chosen] : []), ...navigator.languages].map((tag) => tag.slice(0, 2));
  return LANGUAGES.find((l) => l === wanted.find((w) => (LANGUAGES as readonly string[]).includes(w))) ?? 'en';
}

class I18n {
  language = $state<Language>(preferred());

  set(language: Language): void {
    this.language = language;
    remember('language', language);
  }
}

export const i18n = new I18n();

export type Params = Record<string, string | number>;

/** Text of `key`; `n` among the parameters chooses singular or plural. */
export function t(key: Key, params: Params = {}): string {
  return fill(catalogue[key][LANGUAGES.indexOf(i18n.language)] ?? key, params, i18n.language);
}

export const hasText = (key: string): key is Key => Object.hasOwn(catalogue, key);

/** Text of a name that came from the server (feature, model, tactic), or `otherwise`. */
export function tName(kind: string, name: string, otherwise: string): string {
  const key = `${kind}.${name}`;
  return hasText(key) ? t(key) : otherwise;
}
export type { Key, Language };
