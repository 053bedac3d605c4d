// The bundle in dist/edge stands alone: it can be copied anywhere, brings its natives and licences, and uses nothing optional.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUDGET } from '../../build/edge.mjs';

const bundle = suite<{ folder: string }>('bundle');
bundle.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'));
  cpSync('dist/edge', join(context.folder, 'edge'), { recursive: true });
});
bundle.after((context) => { rmSync(context.folder, { recursive: true }); });

bundle('it runs from elsewhere, through a link, and inside a project of modules', ({ folder }) => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const link = join(folder, 'hf');
  symlinkSync(join(folder, 'edge/holdfast'), link);
  for (const program of [join(folder, 'edge/holdfast'), link]) {
    const result = spawnSync(program, ['--help'], { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    assert.is(result.status, 0, result.stderr);
    assert.match(result.stdout, 'holdfast');
  }
});

bundle('its native part loads by itself', ({ folder }) => {
  const native = join(folder, 'edge/native/node-lmdb.node');
  const result = spawnSync(process.execPath, ['-e', `const m = { exports: {} }; process.dlopen(m, ${JSON.stringify(native)}); if (!m.exports.Env) process.exit(3)`], { cwd: folder, encoding: 'utf8' });
  assert.is(result.status, 0, result.stderr);
});

bundle('it is small, and has neither source map nor optional natives in it', ({ folder }) => {
  const text = readFileSync(join(folder, 'edge/holdfast'), 'utf8');
  assert.ok(statSync(join(folder, 'edge/holdfast')).size < BUDGET);
  assert.ok(text.startsWith('#!/usr/bin/env node\n'));
  assert.not.match(text, 'sourceMappingURL');
  assert.not.match(text, 'cbor-extract');
});

bundle('licences of all that is inside come along', ({ folder }) => {
  const text = readFileSync(join(folder, 'edge/LICENSES.txt'), 'utf8');
  for (const words of ['Apache License', 'MIT License', 'OpenLDAP']) assert.match(text, words);
});

bundle.run();
