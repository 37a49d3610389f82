// SPDX-License-Identifier: Apache-2.0
// Runs test/*.test.ts with node's own test runner: bundled by esbuild first, as Node 18 reads no TypeScript.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('../test/', import.meta.url));
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
    logLevel: 'warning',
  });
  const files = readdirSync(out).filter((f) => f.endsWith('.mjs')).map((f) => join(out, f));
  process.exitCode = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}
