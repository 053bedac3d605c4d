// The other process of the fleet benchmark: a node on LMDB in a fleet of very many members, each with some logs of its own; made once and kept.

import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { framing } from '../../src/carry/frame.ts';
import { makeInvite } from '../../src/fleet/invite.ts';
import { decodeToken, encodeToken } from '../../src/fleet/token.ts';
import type { Bytes } from '../../src/ports.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { listenTcp } from '../../src/io/tcp.ts';
import { invite } from '../../src/node-acts.ts';
import { joinFleet } from '../../src/node-setup.ts';
import type { Node } from '../../src/node.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';
import { machineClock, openBenchNode, storeAll } from './bench-node.ts';
import { KEPT, PLACE, say } from './rows.ts';
import { readings } from './trace.ts';

const [place, count] = [process.argv[2]!, Number(process.argv[3])];
/** Streams of each member, and events in each. */
const STREAMS = ['telemetry', 'climate', 'doors'], EVENTS = 10;
const kept = join(PLACE, `fleet-${KEPT}-${count}`), crypto = createCrypto(), random = createRandom(), clock = machineClock(), some = readings(10_000);

/** Makes tokens as `invite` does, without writing each down: an invitation is valid by itself. */
async function inviting(hq: Node): Promise<(name: string) => string> {
  const pattern = decodeToken(crypto, await invite(hq, { name: 'pattern' })), rights = { admin: false, read: ['*'], write: ['*'] }, issuerSeed = hq.desk.identity.seed;
  return (name) => {
    const seed = random.bytes(32);
    return encodeToken({ ...pattern, seed, signed: makeInvite(crypto, { issuerSeed, fleet: hq.fleet, inviteKey: crypto.signer(seed), rights, name, nonce: random.bytes(16) }) });
  };
}

/** A new member that has written, whose node lives in memory meanwhile; all of its segments. */
async function member(i: number, token: (name: string) => string): Promise<Bytes[]> {
  const mount = new Mount(new Disk(`member ${i}`), new EagerTimeline(), new Chance(`member ${i}`)), name = `node-${String(i).padStart(5, '0')}`;
  let kept: Bytes | undefined;
  const node = await joinFleet({
    store: mountStore(mount), journal: mountJournal(mount), clock, random, crypto, wake: () => undefined, notice: () => undefined, keys: { load: async () => kept, save: async (bytes) => { kept = bytes; } },
  }, token(name), { nodeName: name });
  for (const stream of STREAMS) await node.append(stream, Array.from({ length: EVENTS }, (_, k) => ({ ...some[(i * EVENTS + k) % some.length]!, key: name })));
  await node.checkpoint();
  const rows = await node.options.store.scan('segment', {});
  await node.close();
  return rows.map(({ value }) => value);
}

if (!existsSync(kept)) {
  say(`making a fleet of ${count} members, once`);
  const part = `${kept}.part`, since = performance.now();
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const { node, stop } = await openBenchNode(part), token = await inviting(node);
  let batch: Bytes[] = [];
  for (let i = 0; i < count; i++) {
    batch.push(...await member(i, token));
    if ((i + 1) % 100 !== 0 && i + 1 < count) continue;
    for (const { refused } of await node.admit(batch)) if (refused) throw new Error(`a segment was refused: ${refused}`);
    batch = [];
    if ((i + 1) % 1_000 === 0) say(`${i + 1} after ${Math.round((performance.now() - since) / 1_000)} s`);
  }
  await storeAll(node);
  await stop();
  renameSync(part, kept);
}
cpSync(kept, join(place, 'node'), { recursive: true });
const { node, stop } = await openBenchNode(join(place, 'node')), invitations = [await invite(node, { name: 'server' })];
const listener = await listenTcp('tcp://127.0.0.1:0', framing, (link) => { node.connect(link, 'accept'); });
process.on('disconnect', () => { void stop().then(() => process.exit(0)); });
process.send!({ url: listener.url, invitations });
