// A whole node that appends from many callers as fast as it can and says what was acknowledged, until it is killed.
import { writeSync } from 'node:fs';
import { codeOf } from '../../src/fault.ts';
import { openStation } from '../../targets/program/station.ts';
import { between, chance } from './chance.ts';
import { EDGE } from '../../targets/edge/target.ts';
import { use } from '../../targets/program/target.ts';

use(EDGE);

/** How to load: events carry numbers from `from`; `acks`: a file that takes the words instead of stdout. */
export interface Load {
  dir: string; seed: number; from: number; callers: number; windowMs: number; pad: number;
  listen?: string; peers?: string[]; closeAfter?: number; most?: number; acks?: number;
}

const load = JSON.parse(process.argv[2]!) as Load;
const say = (line: string): void => { writeSync(load.acks ?? 1, `${line}\n`); };
const station = await openStation(load.dir, {
  settings: { windowMs: load.windowMs, clock: 'auto' }, control: false,
  notice: (text) => say(`notice ${text}`),
  links: { connected: () => say('connected'), ended: () => undefined },
  fatal: (error) => { say(`fatal ${codeOf(error)} ${String(error)}`); process.exit(3); },
});
say('open');
if (load.listen) say(`listening ${(await station.links.listen(load.listen)).url}`);
for (const peer of load.peers ?? []) station.links.keep({ url: peer });

let next = load.from, over = false, journal = 0;
async function caller(which: number): Promise<void> {
  const random = chance(`caller ${which}`, load.seed);
  while (!over && next - load.from < (load.most ?? Infinity)) {
    const stream = ['telemetry', 'alarms', 'config'][between(random, 0, 2)]!;
    const count = random() < 0.6 ? 1 : between(random, 2, 40), first = next;
    next += count;
    const drafts = Array.from({ length: count }, (_, i) => ({ key: `k${(first + i) % 13}`, type: 't', body: { n: first + i, pad: 'p'.repeat(between(random, 0, load.pad)) }, joined: count > 1 && i === 0 && first % 3 === 0 }));
    try {
      const placed = await station.node.append(stream, drafts, { urgent: random() < 0.05 });
      say(`ack ${stream} ${first} ${count} ${placed[0]!.id} ${placed.at(-1)!.id}`);
      const { size } = station.node.options.journal;
      if (size < journal) say('turned');
      journal = size;
    } catch (error) {
      say(`refused ${codeOf(error)}`);
      if (codeOf(error) === 'closed') return;
    }
    if (random() < 0.003) station.node.checkpoint().catch((error: unknown) => say(`refused ${codeOf(error)}`));
    if (random() < 0.02) await new Promise((done) => { setTimeout(done, 5); });
  }
}
const callers = Promise.all(Array.from({ length: load.callers }, (_, which) => caller(which)));
if (load.closeAfter !== undefined) setTimeout(() => {
  over = true;
  say('closing');
  void station.close().then(() => { say('closed'); process.exit(0); });
}, load.closeAfter);
await callers;
if (!over) say('written');
