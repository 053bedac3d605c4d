// What is around a server on its machine: the unit that systemd runs, the file that makes a container, and their agreement with the program.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVER } from '../../targets/server/target.ts';
import { EDGE } from '../../targets/edge/target.ts';
import { settingVariables } from '../../targets/program/settings.ts';
import { use } from '../../targets/program/target.ts';

const UNIT = readFileSync('hw/holdfast-server.service', 'utf8');
const CONTAINER = readFileSync('hw/Containerfile', 'utf8');

const analysed = spawnSync('systemd-analyze', ['--version']).status === 0 ? test : test.skip;
if (analysed !== test) console.log('skipped: systemd understands the unit of the server (no systemd-analyze)');
analysed('systemd understands the unit of the server, and finds it well shut', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hf-unit-'));
  try {
    const path = join(folder, 'holdfast-server.service');
    // The program and the user are not on this machine.
    writeFileSync(path, UNIT.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true').replace(/^User=.*$/m, 'User=daemon').replace(/^Group=.*$/m, ''));
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
    assert.equal([verified.status, verified.stderr.split('\n').filter((line) => line.includes('holdfast-server'))], [0, []]);
    const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', '--threshold=25', path], { encoding: 'utf8' });
    assert.is(judged.status, 0, judged.stdout.slice(-400) + judged.stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the node ends its database itself, and an end with status 75 is followed by a start', () => {
  assert.match(UNIT, /^KillMode=mixed$/m);
  assert.match(UNIT, /^Restart=always$/m);
  assert.match(UNIT, /^StartLimitIntervalSec=0$/m);
});

test('variables of the unit and of the container are settings, and what the container copies is there', () => {
  use(SERVER);
  const known = [...settingVariables(), 'HOLDFAST_DIR'];
  use(EDGE);
  const said = [...`${UNIT}\n${CONTAINER}`.matchAll(/\b(HOLDFAST_[A-Z_]+)=/g)].map((found) => found[1]!);
  assert.ok(said.length >= 5);
  assert.equal(said.filter((name) => !known.includes(name)), []);
  const copied = [...CONTAINER.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((found) => found[1]!.split(' '));
  assert.ok(copied.length >= 5);
  assert.equal(copied.filter((name) => !existsSync(name)), []);
});

test.run();
