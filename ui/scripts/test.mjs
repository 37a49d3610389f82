// SPDX-License-Identifier: Apache-2.0
// Runs test/*.test.ts with node's own test runner: bundled by esbuild first, as Node 18 reads no TypeScript. Modules
// with runes are compiled by Svelte as for a server, where state is a plain variable.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transformSync } from 'esbuild';
import { compileModule } from 'svelte/compiler';

const folder = fileURLToPath(new URL('../test/', import.meta.url));
const runes = {
  name: 'runes',
  setup: (b) =>
    b.onLoad({ filter: /\.svelte\.ts$/ }, ({ path }) => {
      const { code } = transformSync(readFileSync(path, 'utf8'), { loader: 'ts', target: 'es2022' });
      return { contents: compileModule(code, { generate: 'server', filename: path }).js.code, loader: 'js' };
    }),
};
const out = mkdtempSync(join(tmpdir(), 'thymus-ui-'));
try {
  await build({
    entryPoints: readdirSync(folder).filter((f) => f.endsWith('.test.ts')).map((f) => join(folder, f)),
    outdir: out,
    bundle: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    sourcemap: 'inline',
    plugins: [runes],
    inject: [join(folder, 'globals.ts')],
    logLevel: 'warning',
  });
  const files = readdirSync(out).filter((f) => f.endsWith('.mjs')).map((f) => join(out, f));
  process.exitCode = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}
