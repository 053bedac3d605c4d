// 100,000 events to a node that holds nothing of them: over TCP on this machine, between two processes, durable on arrival.

import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { framing } from '../../src/carry/frame.ts';
import { dialTcp } from '../../src/io/tcp.ts';
import { openBenchNode } from './bench-node.ts';
import { openRows } from './lmdb-rows.ts';
import { freshFolder, say, sweep, tell } from './rows.ts';

const COUNT = 100_000, ROUNDS = 5;
/** Rows that go into one transaction of the baseline. */
const ROWS = 1_000;

interface Offer { url: string; port: number; invitations: string[] }

say('the other process makes its store');
const child = fork(new URL('./catch-up.child.mjs', import.meta.url), [freshFolder('source'), String(COUNT), String(ROUNDS)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const offer = await new Promise<Offer>((resolve, reject) => {
  child.once('message', (message) => resolve(message as Offer));
  child.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
});
child.removeAllListeners('exit');

/** Seconds from dialling until both hold the same, durably. */
async function holdfast(invitation: string): Promise<{ seconds: number; bytes: number }> {
  const { node, stop } = await openBenchNode(freshFolder('empty'), { invitation });
  sweep();
  const since = performance.now();
  const link = await dialTcp(offer.url, framing);
  const report = await node.connect(link, 'open', { once: true }).done;
  const seconds = (performance.now() - since) / 1_000;
  if (node.digest().events !== COUNT) throw new Error(`${node.digest().events} events arrived`);
  await stop();
  return { seconds, bytes: report.bytesIn + report.bytesOut };
}

/** Seconds from dialling until the last row is committed. */
function rows(): Promise<number> {
  const store = openRows(freshFolder('rows'));
  sweep();
  const since = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect(offer.port, '127.0.0.1');
    let rest = Buffer.alloc(0), batch: Uint8Array[] = [], got = 0;
    socket.on('data', (chunk) => {
      const data = rest.length ? Buffer.concat([rest, chunk]) : chunk;
      let at = 0;
      while (at + 4 <= data.length) {
        const end = at + 4 + data.readUInt32BE(at);
        if (end > data.length) break;
        batch.push(data.subarray(at + 4, end));
        at = end;
        got++;
        if (batch.length === ROWS) { store.commit(batch); batch = []; }
      }
      rest = data.subarray(at);
    });
    socket.on('error', reject);
    socket.on('end', () => {
      if (batch.length) store.commit(batch);
      const seconds = (performance.now() - since) / 1_000;
      store.close();
      if (got === COUNT) resolve(seconds); else reject(new Error(`${got} rows arrived`));
    });
  });
}

let best = Infinity, baseline = Infinity, bytes = 0;
for (let round = 0; round < ROUNDS; round++) {
  const done = await holdfast(offer.invitations[round]!);
  say(`${done.seconds.toFixed(3)} s`);
  best = Math.min(best, done.seconds);
  bytes = done.bytes;
  baseline = Math.min(baseline, await rows());
}
child.disconnect();
tell({
  what: '100,000 events to an empty node over TCP, durable', value: best, unit: 's', baseline: { what: `LMDB rows over a bare socket, ${ROWS} a commit`, value: baseline }, reach: '≤ 0.4 s, then 0.25', ok: best <= 0.4,
  note: `${(bytes / COUNT).toFixed(2)} bytes an event, both directions; best of ${ROUNDS}`,
});
