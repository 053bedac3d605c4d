// Who may import whom: rooms do not know each other, only node.ts joins them, only io touches the world, and nothing imports a target.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { posix } from 'node:path';
import { strip } from './strip.ts';
import { isCore, readTree, sample, type Tree } from './tree.ts';

/** What the core may take from outside: the codec. */
const CORE_VENDORS = ['cbor-x'];
/** The files at the root of src that every room may use. */
const CONTRACTS = ['src/fault.ts', 'src/limits.ts', 'src/ports.ts'];

/** Parts that every target is made with. They know no target, and not each other, but that the program serves the API. */
const SHARED_TARGETS = ['targets/api', 'targets/page', 'targets/program'];
/** What they may use all the same: the contracts of a database and of what is shown besides, with the rows of the fleet, which every target serves, who may ask, and how events are written as text and bytes. */
const SERVED = ['targets/program/database.ts', 'targets/program/fleet-rows.ts', 'targets/program/http-hub.ts', 'targets/program/http-tokens.ts', 'targets/program/ndjson.ts', 'targets/program/moment.ts', 'targets/program/foreign-cbor.ts', 'targets/program/append-within.ts'];

/** Everything that a source names as an import, types included. */
function importsOf(source: string): string[] {
  // Found where strings are blank, so that text about imports does not count; read where they are not.
  return [...strip(source).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*)(['"])([^'"\n]+)\1(?!\s*\+)/g)]
    .map((match) => source.slice(match.index + match[0].length - 1 - match[2]!.length, match.index + match[0].length - 1));
}

/** The room of a path: src/event, targets/program, test …; `src` for contracts, `src/node` for the files that join rooms. */
function roomOf(path: string): string {
  if (/^src\/node(-[\w-]+)?\.ts$/.test(path)) return 'src/node';
  const [top, second, third] = path.split('/');
  if (top === 'src') return third === undefined ? 'src' : `src/${second}`;
  return top === 'targets' ? `targets/${second}` : top!;
}

/** Whether a file in one room may import a file of this repository. */
function mayImport(from: string, path: string): boolean {
  const to = roomOf(path);
  if (from === to) return true;
  if (from.startsWith('targets/') && to.startsWith('targets/')) {
    if (SERVED.includes(path)) return true;
    return SHARED_TARGETS.includes(to) && (!SHARED_TARGETS.includes(from) || (from === 'targets/program' && to === 'targets/api'));
  }
  if (to.startsWith('targets/')) return from === 'test';
  if (to === 'test') return false;
  if (to === 'build') return from === 'test';
  if (from === 'test' || from.startsWith('targets/')) return true;
  if (from === 'src') return false;
  if (CONTRACTS.includes(path)) return from !== 'build';
  switch (from) {
    case 'src/event': return false;
    case 'src/io': case 'src/fleet': case 'src/log': case 'src/view': case 'src/sync': case 'src/carry': return to === 'src/event';
    case 'src/node': return to.startsWith('src/') && to !== 'src/io';
    default: return false;
  }
}

function check(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of tree) {
    const vendors = new Set<string>();
    for (const name of importsOf(text)) {
      const say = (why: string) => wrong.push(`${path} imports ${name}: ${why}`);
      if (name.startsWith('.')) {
        const to = posix.join(posix.dirname(path), name);
        if (!/\.(ts|mjs|json)$/.test(name)) say('relative imports end in .ts');
        else if (to !== 'package.json' && !mayImport(roomOf(path), to)) say(`${roomOf(path)} may not use ${roomOf(to)}`);
      } else if (name.startsWith('node:')) {
        if (isCore(path)) say('the core has no node: imports');
      } else {
        vendors.add(name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'));
        if (isCore(path) && !CORE_VENDORS.includes(name)) say('the core uses no library but the codec');
        if (/^(fs|path|crypto|os|net|zlib|util|events|stream|child_process|worker_threads|buffer|assert)$/.test(name)) say('write node: before it');
      }
    }
    if (path.startsWith('src/io/') && vendors.size > 1) wrong.push(`${path}: one library a file, not ${[...vendors].join(' and ')}`);
  }
  return wrong;
}

test('imports go the ways of the house', () => {
  const tree = readTree();
  assert.ok(tree.size > 5);
  assert.equal(check(tree), []);
});

test('the rule can fail', () => {
  const bad: [string, string][] = [
    ['src/log/x.ts', "import { a } from '../sync/y.ts';"], ['src/log/x.ts', "import { a } from '../io/y.ts';"], ['src/event/x.ts', "import { a } from '../log/y.ts';"],
    ['src/log/x.ts', "import { a } from '../node.ts';"], ['src/node.ts', "import { a } from './io/y.ts';"], ['src/ports.ts', "import { a } from './event/y.ts';"],
    ['src/log/x.ts', "import { a } from 'node:fs';"], ['src/log/x.ts', "import type { a } from 'node:fs';"], ['src/log/x.ts', "import 'smol-toml';"],
    ['src/io/x.ts', "import { a } from '../log/y.ts';"], ['src/io/x.ts', "import a from 'b'; import c from 'd';"], ['src/io/x.ts', "import { a } from '../../targets/edge/main.ts';"],
    ['targets/program/x.ts', "import { a } from '../server/y.ts';"], ['src/log/x.ts', "import { a } from './y';"], ['src/log/x.ts', "const a = await import('../view/y.ts');"],
    ['targets/api/x.ts', "import { a } from '../program/direct.ts';"], ['targets/api/x.ts', "import { a } from '../page/y.ts';"], ['targets/program/x.ts', "import { a } from '../fog/y.ts';"],
    ['src/log/x.ts', "import { a } from '../../targets/api/y.ts';"], ['src/log/x.ts', "type A = import('../sync/y.ts').A;"], ['targets/program/x.ts', "import { a } from '../../test/y.ts';"], ['test/x.ts', "import { a } from 'fs';"],
  ];
  for (const [path, text] of bad) assert.is(check(sample(path, text)).length, 1, `${path}: ${text}`);
  const good: [string, string][] = [
    ['src/log/x.ts', "// from '../sync/y.ts'\nimport { a } from '../event/y.ts';"], ['src/node-join.ts', "import { a } from './log/y.ts';"], ['src/io/x.ts', "import a from 'b/c'; import { e } from 'b';"],
    ['targets/program/x.ts', "import { a } from '../api/y.ts';"], ['targets/server/x.ts', "import { a } from '../page/y.ts';"], ['targets/api/x.ts', "import type { a } from '../program/database.ts';"],
    ['targets/program/x.ts', "import { a } from '../../src/io/y.ts';"], ['src/event/x.ts', "import { Encoder } from 'cbor-x';"], ['test/x.ts', "import { a } from '../targets/program/y.ts';"],
  ];
  for (const [path, text] of good) assert.equal(check(sample(path, text)), []);
});

test.run();
