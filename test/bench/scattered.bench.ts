// 100 events more, scattered over 100 logs, between two nodes that hold the same otherwise and have a long past: bytes and round trips.

import { bringTogether, nextSegments, openOldFleet } from './old-fleet.ts';
import { say, tell } from './rows.ts';

const AUTHORS = 100, EVENTS = 10_000, PAST = Number(process.env['HOLDFAST_BENCH_PAST'] ?? 1_000_000), DELAY_MS = 100;

const { a, b, authors, save } = await openOldFleet(AUTHORS, EVENTS, PAST);
say(`${a.node.streams().map((s) => `${s.stream}: ${s.events} events, ${s.logs} logs`).join('; ')}`);
const none = await bringTogether(a.node, b.node, DELAY_MS);

const fresh = authors.flatMap((author, i) => nextSegments(author, 1, author.position + i));
for (const done of await a.node.admit(fresh)) if (done.events !== 1) throw new Error(`a segment was not admitted: ${done.refused}`);
save();
const held = b.node.digest().events;
const { bytes, out, ms, chain } = await bringTogether(a.node, b.node, DELAY_MS);
if (b.node.digest().events !== held + AUTHORS) throw new Error(`${b.node.digest().events - held} events arrived`);
const seconds = (of: { ms: number }): string => (of.ms / 1_000).toFixed(2);
const about = `${AUTHORS} logs of ${EVENTS} events, ${PAST} sealed incarnations behind them (their records, without segments); handshake, greeting and farewell included`;
tell({ what: '100 events scattered over 100 logs: bytes both ways', value: bytes, unit: 'bytes', baseline: { what: 'segments alone, stored form', value: fresh.reduce((n, s) => n + s.length, 0) }, reach: '< 20,480', ok: bytes < 20_480, note: `${out} from who lacks them; with nothing to fetch ${none.bytes} in all; ${about}` });
tell({
  what: '100 events scattered over 100 logs: round trips', value: chain / 2, unit: 'round trips', reach: '≤ 4', ok: chain / 2 <= 4,
  note: `messages one after the other until the last segment has come, handshake included, TCP's own left out; over a link of ${DELAY_MS} ms each way ${seconds({ ms })} s to the end of the session, with nothing to fetch ${seconds(none)} s`,
});
await b.stop();
await a.stop();
