// SPDX-License-Identifier: Apache-2.0
// The languages of the UI. Each one's texts are a module of its own (src/texts), and only the one that is shown is loaded.
import type en from '../texts/en';

export const LANGUAGES = ['en', 'ja'] as const;
export type Language = (typeof LANGUAGES)[number];
export type Key = keyof typeof en;
export type Texts = Readonly<Record<Key, string>>;

const modules: Record<Language, () => Promise<{ default: Texts }>> = {
  en: () => import('../texts/en'),
  ja: () => import('../texts/ja'),
};

export const textsOf = async (language: Language): Promise<Texts> => (await modules[language]()).default;
