// What a server (dist/server/holdfast) learns after its founding: sealed in the database, read by every process that has the key file, lost by none, of use to nobody else (dist/edge/holdfast is the thief).
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { decodeIdentity, encodeIdentity, type Identity } from '../../src/fleet/identity.ts';
import { makeGenesis } from '../../src/fleet/genesis.ts';
import { Fault } from '../../src/fault.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import type { Bytes } from '../../src/ports.ts';
import { learntKeys } from '../../targets/server/learnt-keys.ts';
import { json } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { documentInMemory } from './document-in-memory.ts';
import { command, document, inPlace, keysOf, serve } from './server.ts';

const crypto = createCrypto(), random = createRandom();
const key = (n: number): Bytes => new Uint8Array(32).fill(n);

function file(identity: Identity): { load(): Promise<Bytes>; save(bytes: Bytes): Promise<void>; saved: number } {
  const its = { bytes: encodeIdentity(identity), saved: 0 };
  return Object.assign(its, { load: () => Promise.resolve(its.bytes), save: (bytes: Bytes) => { its.bytes = bytes.slice(); its.saved++; return Promise.resolve(); } });
}

const member = (grant: Bytes | null, keys: Bytes[]): Identity =>
  ({ seed: random.bytes(32), boxSecret: random.bytes(32), genesis: makeGenesis('sea', [crypto.signer(key(9))], random.bytes(16)), name: 'hq', grant, keys, context: [] });

test('the file is written until there is a grant, then never again; two processes lose nothing of each other', async () => {
  const identity = member(null, [key(1)]), kept = file(identity), shared = documentInMemory(), one = learntKeys(kept, shared, { crypto, random });
  await one.save(encodeIdentity({ ...identity, grant: new Uint8Array(8) }));
  assert.is(kept.saved, 1);
  assert.is(shared.value, undefined);
  const two = learntKeys(kept, shared, { crypto, random }), whole = { ...identity, grant: new Uint8Array(8) };
  await Promise.all([one.save(encodeIdentity({ ...whole, keys: [key(2), key(1)] })), two.save(encodeIdentity({ ...whole, keys: [key(3), key(1)] }))]);
  assert.is(kept.saved, 1);
  const held = decodeIdentity((await two.load())!).keys.map(([first]) => first).sort();
  assert.equal(held, [1, 2, 3]);
  assert.not.ok([1, 2, 3].some((n) => Buffer.from(shared.value!).includes(Buffer.from(key(n)))), 'no key lies open');
});

test('what was changed, or is of another server, is refused', async () => {
  const identity = member(new Uint8Array(8), [key(1)]), shared = documentInMemory(), keys = learntKeys(file(identity), shared, { crypto, random });
  await keys.save(encodeIdentity({ ...identity, keys: [key(2), key(1)] }));
  const sound = shared.value!;
  for (const at of [0, 13, sound.length - 1]) {
    shared.value = sound.slice();
    shared.value[at]! ^= 1;
    const error = await keys.load().then(() => undefined, (thrown: unknown) => thrown);
    assert.instance(error, Fault);
    assert.is((error as Fault).code, 'store-damaged');
  }
  shared.value = sound;
  const other = learntKeys(file(member(new Uint8Array(8), [key(1)])), shared, { crypto, random });
  assert.is((await other.load().catch((error: Fault) => error) as Fault).code, 'store-damaged');
});

test('a key that the fleet made later is there for a process that has the first key file alone', () => inPlace(async (path) => {
  const server = await serve(path('hq'), ['--init', '--name', 'hq']);
  writeFileSync(path('copied.key'), readFileSync(path('hq/node.key')));
  chmodSync(path('copied.key'), 0o400);
  const { token } = await document<{ token: string }>(['invite', '--dir', path('hq')]);
  await json(['join', token, '--dir', path('thief'), '--name', 'thief']);
  await json(['sync', server.tcp, '--dir', path('thief')]);
  await document(['revoke', 'thief', '--dir', path('hq')]);
  await document(['append', 'secrets', '--dir', path('hq'), '--key', 'after', '--type', 't', '--body', '1']);
  assert.equal(await sql(server.sql, "SELECT count(*)::int AS n FROM holdfast.document WHERE name = 'keys'"), [{ n: 1 }]);
  const env = { DATABASE_URL: server.sql, HOLDFAST_KEY: path('copied.key') };
  const two = await serve(path('two'), [], { env });
  assert.equal(await keysOf(path('two'), 'secrets'), ['after']);
  assert.equal((await document<{ damaged: unknown[] }>(['verify', '--dir', path('two')])).damaged, []);
  assert.is((await two.stop()).code, 0);
  // A backup has all of it in its key.
  assert.is((await command(['backup', path('saved'), '--dir', path('hq')])).code, 0);
  assert.ok(decodeIdentity(new Uint8Array(readFileSync(path('saved/node.key')))).keys.length > decodeIdentity(new Uint8Array(readFileSync(path('copied.key')))).keys.length);
  assert.is((await server.stop()).code, 0);
}));

test.run();
