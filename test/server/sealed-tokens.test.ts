// The tokens of a server in its database: one that somebody else put there lets nobody in.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createHash } from 'node:crypto';
import { utf8 } from '../../src/event/bytes.ts';
import { encodeIdentity } from '../../src/fleet/identity.ts';
import { makeGenesis } from '../../src/fleet/genesis.ts';
import { Fault } from '../../src/fault.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import type { Bytes } from '../../src/ports.ts';
import { changeTokens, recognise } from '../../targets/program/http-tokens.ts';
import { sealedTokens } from '../../targets/server/sealed-tokens.ts';
import { documentInMemory } from './document-in-memory.ts';

const crypto = createCrypto(), random = createRandom();

function keys(): { load(): Promise<Bytes> } {
  const bytes = encodeIdentity({ seed: random.bytes(32), boxSecret: random.bytes(32), genesis: makeGenesis('sea', [crypto.signer(random.bytes(32))], random.bytes(16)), name: 'hq', grant: null, keys: [], context: [] });
  return { load: () => Promise.resolve(bytes) };
}

async function refused(what: Promise<unknown>): Promise<void> {
  const error = await what.then(() => undefined, (thrown: unknown) => thrown);
  assert.instance(error, Fault);
  assert.is((error as Fault).code, 'bad-config');
  assert.match((error as Fault).message, 'were not written by this server');
}

test('processes with one key share tokens: made by one, taken and taken back by the other', async () => {
  const shared = documentInMemory(), own = keys(), one = sealedTokens(shared, own, crypto), two = sealedTokens(shared, own, crypto);
  const { made } = await changeTokens(one, { make: { name: 'grafana', scope: 'read' } });
  await changeTokens(two, { make: { name: 'plant', scope: 'append' } });
  assert.equal((await changeTokens(one, {})).tokens.map(({ name }) => name), ['grafana', 'plant']);
  const tokens = recognise('own', two);
  assert.is((await tokens.bearerOf(made!))?.scope, 'read');
  await changeTokens(one, { revoke: 'grafana' });
  assert.is(await tokens.bearerOf(made!), undefined);
  tokens.close();
});

test('what was put in without the key, changed, or is of another server is refused and lets nobody in', async () => {
  const shared = documentInMemory(), own = keys(), mine = sealedTokens(shared, own, crypto);
  await changeTokens(mine, { make: { name: 'grafana', scope: 'read' } });
  const sound = shared.value!, hash = createHash('sha256').update('holdfast token\0').update('forged').digest('hex');
  const forged = utf8(JSON.stringify({ version: 1, tokens: [{ name: 'x', scope: 'admin', at: 1, hash }] })), other = documentInMemory();
  await changeTokens(sealedTokens(other, keys(), crypto), { make: { name: 'x', scope: 'admin' } });
  const changed = sound.slice();
  changed[sound.length - 1]! ^= 1;
  for (const value of [forged, Buffer.concat([sound.subarray(0, 32), forged]), changed, sound.subarray(0, 20), new Uint8Array(0), other.value!]) {
    shared.value = value.slice();
    await refused(changeTokens(mine, {}));
    await refused(changeTokens(mine, { make: { name: 'y', scope: 'read' } }));
    const tokens = recognise('own', mine);
    assert.is(await tokens.bearerOf('forged'), undefined);
    assert.is((await tokens.bearerOf('own'))?.scope, 'admin');
    tokens.close();
  }
  shared.value = sound;
  assert.is((await changeTokens(mine, {})).tokens.length, 1);
});

test.run();
