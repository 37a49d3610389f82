// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import './style/fonts.css';
import './style/tokens.css';
import './style/base.css';
import App from './App.svelte';
import { i18n } from './lib/i18n.svelte';

const target = document.getElementById('app');
if (target)
  i18n.load().then(
    () => mount(App, { target }),
    () => (target.textContent = 'Thymus could not be loaded. Reload the page.'), // no texts, in no language
  );
