// A server (dist/server/holdfast) on the PostgreSQL of the system, saved and brought back by pg_dump and pg_restore, as its administrator would: a new incarnation that catches up with what the fleet (dist/edge/holdfast) holds beyond the backup.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbedded } from '../../src/io/postgres-embedded.ts';
import { json } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { document, inPlace, keysOf, serve } from './server.ts';

/** The newest PostgreSQL that Debian's packages have put here, with its tools; before 14 it is too old. */
function installed(): string | undefined {
  const root = '/usr/lib/postgresql';
  const found = (existsSync(root) ? readdirSync(root) : []).map(Number).filter((version) => version >= 14).sort((a, b) => b - a).map((version) => join(root, String(version)));
  return found.find((folder) => ['postgres', 'initdb', 'pg_dump', 'pg_restore'].every((name) => existsSync(join(folder, 'bin', name))));
}

const binaries = installed();
if (binaries === undefined) console.log('skipped: pg_dump and pg_restore bring a server back (no PostgreSQL 14 or later of the system)');

(binaries === undefined ? test.skip : test)('pg_dump and pg_restore bring a server back', () => inPlace(async (path) => {
  const postgres = await openEmbedded({ folder: path('postgres'), binaries: binaries!, notice: () => {} });
  try {
    const tool = (name: string, ...args: string[]): void => { execFileSync(join(binaries!, 'bin', name), args, { stdio: ['ignore', 'ignore', 'inherit'] }); };
    const database = (name: string): string => postgres.url.replace('///holdfast?', `///${name}?`);
    const note = (key: string, url: string): Promise<unknown> => document(['append', 'notes', '--dir', path('hq'), '--key', key, '--type', 't', '--body', '1'], { env: { DATABASE_URL: url } });
    const first = await serve(path('hq'), ['--init', '--name', 'hq'], { env: { DATABASE_URL: database('holdfast') } });
    const { token } = await document<{ token: string }>(['invite', '--dir', path('hq'), '--address', first.tcp]);
    await json(['join', token, '--dir', path('edge'), '--name', 'edge']);
    await note('before', database('holdfast'));
    tool('pg_dump', '--format=custom', '--schema=holdfast', `--file=${path('monday.dump')}`, database('holdfast'));
    await note('after', database('holdfast'));
    await json(['sync', first.tcp, '--dir', path('edge')]);
    await first.stop('SIGKILL');
    await sql(database('postgres'), 'CREATE DATABASE restored');
    tool('pg_restore', '--exit-on-error', `--dbname=${database('restored')}`, path('monday.dump'));
    const second = await serve(path('hq'), [], { env: { DATABASE_URL: database('restored') } });
    assert.equal(await keysOf(path('hq'), 'notes'), ['before']);
    await note('since', database('restored'));
    await json(['sync', second.tcp, '--dir', path('edge')]);
    assert.equal((await keysOf(path('hq'), 'notes')).sort(), ['after', 'before', 'since']);
    assert.is((await document(['digest', '--dir', path('hq')]))['digest'], (await json(['digest', '--dir', path('edge')]))['digest']);
    assert.equal((await document<{ damaged: unknown[] }>(['verify', '--dir', path('hq')])).damaged, []);
    assert.is((await sql(second.sql, "SELECT FROM holdfast.event WHERE stream = 'notes'")).length, 3);
    assert.is((await second.stop()).code, 0);
  } finally {
    await postgres.stop();
  }
}));

test.run();
