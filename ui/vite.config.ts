// SPDX-License-Identifier: Apache-2.0
// Everything comes from the gateway itself: no inlined asset (the policy forbids data: but for one
// picture), no polyfill script, hashed names that may be cached for ever.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const master = process.env['THYMUS_URL'] ?? 'https://127.0.0.1:8443';

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: process.env['THYMUS_UI_OUT'] ?? '../build/ui',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
    manifest: 'manifest.json',
  },
  server: { proxy: { '/api': { target: master, secure: false, changeOrigin: true } } },
});
