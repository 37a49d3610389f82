// SPDX-License-Identifier: Apache-2.0
// The language of the page, and its texts (src/texts), which are loaded before anything is shown.
import { LANGUAGES, textsOf, type Key, type Language, type Texts } from './catalogue';
import { fill } from './message';
import { remember, remembered } from './storage';

function preferred(): Language {
  const chosen = remembered('language');
  const wanted = [...(chosen ? [chosen] : []), ...navigator.languages].map((tag) => tag.slice(0, 2));
  return LANGUAGES.find((l) => l === wanted.find((w) => (LANGUAGES as readonly string[]).includes(w))) ?? 'en';
}

class I18n {
  language = $state<Language>(preferred());
  texts = $state.raw<Partial<Texts>>({});
  #wanted: Language = this.language;

  /** Loads the texts of `language`, then shows it; when it cannot be loaded the present one stays and this rejects. */
  async load(language: Language = this.language): Promise<void> {
    this.#wanted = language;
    const texts = await textsOf(language);
    if (this.#wanted !== language) return;
    this.language = language;
    this.texts = texts;
  }

  async set(language: Language): Promise<void> {
    await this.load(language);
    remember('language', language);
  }
}

export const i18n = new I18n();

export type Params = Record<string, string | number>;

/** Text of `key`; `n` among the parameters chooses singular or plural. */
export function t(key: Key, params: Params = {}): string {
  return fill(i18n.texts[key] ?? key, params, i18n.language);
}

export const hasText = (key: string): key is Key => Object.hasOwn(i18n.texts, key);

/** Names that have a text under `kind`, in the order of the texts. */
export const namesOf = (kind: string): string[] =>
  Object.keys(i18n.texts).flatMap((key) => (key.startsWith(`${kind}.`) ? [key.slice(kind.length + 1)] : []));

/** Text of a name that came from the server (feature, model, tactic), or `otherwise`. */
export function tName(kind: string, name: string, otherwise: string): string {
  const key = `${kind}.${name}`;
  return hasText(key) ? t(key) : otherwise;
}
export type { Key, Language };
