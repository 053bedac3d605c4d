// The other process of the server's benchmarks: a node on LMDB that has written a long history, made once and kept; it hands out its segments and their rows, and invites and serves others.

import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { framing } from '../../src/carry/frame.ts';
import { openSegment, parseSegment } from '../../src/event/segment.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import { eventRows } from '../../src/io/postgres-rows.ts';
import { listenTcp } from '../../src/io/tcp.ts';
import { invite } from '../../src/node-acts.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import type { Admitted, Bytes } from '../../src/ports.ts';
import { openBenchNode, storeAll } from './bench-node.ts';
import { KEPT, PLACE, say } from './rows.ts';
import { packed, unpacked } from './server-author.ts';
import { readings } from './trace.ts';

const [place, count, tokens, rows, broker] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4]), process.argv[5] === 'rows', process.argv[6]];
const SEGMENT = 256, kept = join(PLACE, `author-${KEPT}-${count}`);

if (!existsSync(kept)) {
  say(`making a history of ${count} events, once`);
  const part = `${kept}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const { node, stop } = await openBenchNode(join(part, 'node'));
  const all = readings(count), segments: Bytes[] = [];
  let position = 0;
  for (let i = 0; i < count; i += SEGMENT) {
    await node.append('telemetry', all.slice(i, i + SEGMENT));
    node.writer.seal('telemetry');
    for (const { header, bytes } of node.writer.logs.get('telemetry')!.live) {
      if (header.first <= position) continue;
      segments.push(bytes);
      position = header.first + header.count - 1;
    }
  }
  await storeAll(node);
  await stop();
  writeFileSync(join(part, 'segments'), packed(segments));
  renameSync(part, kept);
}
cpSync(join(kept, 'node'), join(place, 'node'), { recursive: true });
const { node, stop } = await openBenchNode(join(place, 'node'));
const invitations: string[] = [];
for (let i = 0; i < tokens; i++) invitations.push(await invite(node, {}));
await storeAll(node);
const context: Bytes[] = [];
for (const { value } of await node.options.store.scan('segment', { limit: 10_000 })) if (parseSegment(value).header.stream === '$fleet') context.push(value);
writeFileSync(join(place, 'context'), packed(context));
cpSync(join(kept, 'segments'), join(place, 'segments'));

if (rows) {
  const out = openSync(join(place, 'rows'), 'w');
  const runs = unpacked(readFileSync(join(place, 'segments'))).map((bytes): Admitted => {
    const segment = parseSegment(bytes), { header } = segment, { run, hashes } = openSegment(node.options.crypto, segment, node.archive.authority.keyOf(header.stream, header.keyHash)!)!;
    return { stream: header.stream, node: header.node, incarnation: header.incarnation, first: header.first, bytes: run.bytes, ends: run.ends, hashes };
  });
  for (const chunk of eventRows(runs)) writeSync(out, chunk);
  closeSync(out);
}

const listener = await listenTcp('tcp://127.0.0.1:0', framing, (link) => { node.connect(link, 'accept'); });
const plan = planBroker(node), membership = broker ? joinBroker(node, mqttBroker(broker, { clientId: plan.clientId, will: plan.will, random: Math.random }), { plan }) : undefined;
process.on('disconnect', () => { void (membership?.close() ?? Promise.resolve()).then(stop).then(() => process.exit(0)); });
process.send!({ url: listener.url, invitations });
