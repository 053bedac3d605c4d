// The other process of the catch-up benchmark: serves 100,000 events over TCP, as a node or as rows.

import { createServer } from 'node:net';
import { framing } from '../../src/carry/frame.ts';
import { listenTcp } from '../../src/io/tcp.ts';
import { invite } from '../../src/node-acts.ts';
import { openBenchNode, storeAll } from './bench-node.ts';
import { rowOf } from './lmdb-rows.ts';
import { readings } from './trace.ts';

const [folder, count, tokens] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const all = readings(count);

const { node } = await openBenchNode(folder);
for (let i = 0; i < all.length; i += 250) await node.append('telemetry', all.slice(i, i + 250));
await storeAll(node);
const invitations: string[] = [];
for (let i = 0; i < tokens; i++) invitations.push(await invite(node, {}));
const listener = await listenTcp('tcp://127.0.0.1:0', framing, (link) => { node.connect(link, 'accept'); });

// Rows as they are, each after its length.
const server = createServer((socket) => {
  socket.on('error', () => undefined);
  for (let i = 0; i < all.length;) {
    const parts: Buffer[] = [];
    for (const end = Math.min(all.length, i + 1_000); i < end; i++) {
      const row = rowOf(all[i]!), head = Buffer.allocUnsafe(4);
      head.writeUInt32BE(row.length);
      parts.push(head, Buffer.from(row));
    }
    socket.write(Buffer.concat(parts));
  }
  socket.end();
});
server.listen(0, '127.0.0.1', () => {
  process.send!({ url: listener.url, port: (server.address() as { port: number }).port, invitations });
});
process.on('disconnect', () => process.exit(0));
