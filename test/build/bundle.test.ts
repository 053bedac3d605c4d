// The bundle in dist/edge stands alone: it can be copied anywhere, brings its natives and licences, and uses nothing optional.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// Bundled into the test it would take the test's folder for the repository.
const { loadedByDefault } = await import(pathToFileURL(resolve('build/loaded.mjs')).href) as { loadedByDefault(): Promise<Set<string>> };

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

bundle('its native parts load by themselves', ({ folder }) => {
  for (const [name, what] of [['node-lmdb', 'Env'], ['bindings-cpp', 'open']] as const) {
    const native = join(folder, `edge/native/${name}.node`);
    const result = spawnSync(process.execPath, ['-e', `const m = { exports: {} }; process.dlopen(m, ${JSON.stringify(native)}); if (!m.exports.${what}) process.exit(3)`], { cwd: folder, encoding: 'utf8' });
    assert.is(result.status, 0, `${name}: ${result.stderr}`);
  }
});

bundle('every part is there, and none has a source map, a stranger to find, or optional natives in it', ({ folder }) => {
  const texts = new Map(['holdfast', ...readdirSync(join(folder, 'edge/lib')).map((name) => `lib/${name}`)].map((name) => [name, readFileSync(join(folder, 'edge', name), 'utf8')]));
  assert.ok(texts.get('holdfast')!.startsWith('#!/usr/bin/env node\n'));
  for (const [name, text] of texts) {
    assert.not.match(text, 'sourceMappingURL');
    assert.not.match(text, 'cbor-extract');
    for (const [, asked] of text.matchAll(/(?<![.\w$])(?:from|import|require)\s*\(?["']([\w@#./:-]+)["']/g)) {
      if (asked!.startsWith('.')) assert.ok(texts.has(join(name, '..', asked!)), `${name} asks for ${asked}`);
      else assert.ok(isBuiltin(asked!) || asked!.startsWith('#native/'), `${name} asks for ${asked}, which is not on a device`);
    }
  }
});

bundle('a node without brokers and serial ports loads neither client', async ({ folder }) => {
  const parts = readdirSync(join(folder, 'edge/lib')).map((name) => `lib/${name}`);
  const holding = (what: string | RegExp): string[] => parts.filter((name) => readFileSync(join(folder, 'edge', name), 'utf8').match(what));
  const loaded = await loadedByDefault();
  assert.ok(loaded.has('holdfast'));
  for (const what of ['#native/bindings-cpp.node', 'mqttjs_']) {
    assert.ok(holding(what).length > 0, `no part holds ${what}`);
    assert.equal(holding(what).filter((name) => loaded.has(name)), [], `${what} is loaded`);
  }
});

bundle('licences of all that is inside come along', ({ folder }) => {
  const text = readFileSync(join(folder, 'edge/LICENSES.txt'), 'utf8');
  for (const words of ['Apache License', 'MIT License', 'OpenLDAP']) assert.match(text, words);
});

bundle.run();
