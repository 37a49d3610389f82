// SPDX-License-Identifier: Apache-2.0
// Light or dark: the system's, unless chosen. public/theme.js sets it before the first paint.
import { remember, remembered } from './storage';

export type Theme = 'system' | 'light' | 'dark';

class ThemeState {
  chosen = $state<Theme>((remembered('theme') as Theme | null) ?? 'system');
  #system = matchMedia('(prefers-color-scheme: dark)');
  #systemDark = $state(this.#system.matches);
  dark = $derived(this.chosen === 'system' ? this.#systemDark : this.chosen === 'dark');

  constructor() {
    this.#system.addEventListener('change', (e) => (this.#systemDark = e.matches));
  }

  set(theme: Theme): void {
    this.chosen = theme;
    remember('theme', theme === 'system' ? null : theme);
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }

  toggle(): void {
    this.set(this.dark ? 'light' : 'dark');
  }
}
export const theme = new ThemeState();
