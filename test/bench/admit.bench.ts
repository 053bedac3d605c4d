// Taking in segments of another node: verified, opened, indexed, folded and durable, against the least that any such log must do.

import { createPublicKey, hash, verify } from 'node:crypto';
import type { Bytes } from '../../src/ports.ts';
import { startOf } from '../../src/event/run.ts';
import { openSegment, parseSegment, signedBytes } from '../../src/event/segment.ts';
import { invite } from '../../src/node-acts.ts';
import { openBenchNode } from './bench-node.ts';
import { openRows } from './lmdb-rows.ts';
import { freshFolder, inTurns, perSecond, say, tell } from './rows.ts';
import { readings } from './trace.ts';

/** What a session hands over at a time, as bytes of segments: see intake.ts. */
const BATCH_BYTES = 131_072;
const BATCH_SEGMENTS = 64;

interface Supply { size: number; segments: Bytes[]; batches: Bytes[][]; events: number }

const author = await openBenchNode(freshFolder('author'));
const token = await invite(author.node, { name: 'reader' });
const all = readings(60_000);

/** Live segments of `size` events each, as their author seals them. */
async function sealed(size: number, count: number): Promise<Supply> {
  const segments: Bytes[] = [], stream = `s${size}`;
  let position = 0;
  for (let i = 0; i < count; i++) {
    const at = i * size % (all.length - size);
    await author.node.append(stream, all.slice(at, at + size));
    author.node.writer.seal(stream);
    for (const { header, bytes } of author.node.writer.logs.get(stream)!.live) {
      if (header.first <= position) continue;
      segments.push(bytes);
      position = header.first + header.count - 1;
    }
  }
  const batches: Bytes[][] = [[]];
  let bytes = 0;
  for (const segment of segments) {
    const last = batches[batches.length - 1]!;
    if (last.length === BATCH_SEGMENTS || (last.length && bytes + segment.length > BATCH_BYTES)) { batches.push([segment]); bytes = segment.length; }
    else { last.push(segment); bytes += segment.length; }
  }
  return { size, segments, batches, events: size * count };
}

/** Events a second through the door of a fresh node. */
async function holdfast({ batches, events }: Supply): Promise<number> {
  const { node, stop } = await openBenchNode(freshFolder('reader'), { invitation: token });
  for (const segment of context) await node.admit([segment]);
  const since = performance.now();
  let admitted = 0;
  for (const batch of batches) for (const done of await node.admit(batch)) admitted += done.events;
  const rate = perSecond(events, since);
  if (admitted !== events) throw new Error(`${admitted} of ${events} events were admitted`);
  await stop();
  return rate;
}

/** A hash an event over the chain, a verification a segment, a row a segment; one commit a batch. */
function least({ batches, events }: Supply): number {
  const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), author.node.id]), format: 'der', type: 'spki' });
  const prepared = batches.map((batch) => batch.map((bytes) => {
    const segment = parseSegment(bytes), { header } = segment;
    const { run } = openSegment(author.node.options.crypto, segment, author.node.archive.authority.keyOf(header.stream, header.keyHash)!)!;
    return { bytes, signature: segment.signature, signed: signedBytes(author.node.fleet, segment.headerBytes), events: Array.from(run.ends, (end, i) => run.bytes.subarray(startOf(run, i), end)) };
  }));
  const rows = openRows(freshFolder('lmdb'));
  const chained = Buffer.alloc(65_600);
  const since = performance.now();
  for (const batch of prepared) {
    for (const segment of batch) {
      for (const event of segment.events) {
        chained.set(event, 64);
        hash('sha256', chained.subarray(0, 64 + event.length), 'buffer').copy(chained, 32);
      }
      if (!verify(null, segment.signed, key, segment.signature)) throw new Error('a signature does not verify');
    }
    rows.commit(batch.map((segment) => segment.bytes));
  }
  const rate = perSecond(events, since);
  rows.close();
  return rate;
}

const context = await founding();

/** The author's `$fleet` segments, which come before everything else. */
async function founding(): Promise<Bytes[]> {
  await author.node.checkpoint();
  const own = author.node.writer.logs.get('$fleet')!.log;
  return (await author.node.archive.store.scan('segment', { gte: own, limit: 10 })).filter((row) => row.key.subarray(0, 16).every((b, i) => b === own[i])).map((row) => row.value);
}

for (const [size, count] of [[1, 4_000], [16, 3_000], [256, 400]] as const) {
  say(`segments of ${size}`);
  const supply = await sealed(size, count);
  const [ours, theirs] = await inTurns(3, [() => holdfast(supply), () => least(supply)]) as [number, number];
  tell({
    what: `admit remote segments of ${size}`, value: ours, unit: 'events/s', baseline: { what: 'SHA-256 + Ed25519 verify + LMDB put', value: theirs }, reach: '≥ 0.5 of it', ok: ours / theirs >= 0.5,
    note: `about ${Math.round(supply.segments.length / supply.batches.length)} segments a batch`,
  });
}
await author.stop();
