// Acts that write: appends of all shapes, and the bookkeeping of what was asked for and what was acknowledged.

import type { Stamp } from '../../src/event/stamp.ts';
import { codeOf, type Code } from '../../src/fault.ts';
import { encodeValue } from '../../src/event/value.ts';
import type { Draft } from '../../src/log/writer.ts';
import type { Chance } from './chance.ts';
import type { Machine } from './machine.ts';
import { trueTime } from './sim-clock.ts';
import type { World } from './world.ts';

/** What a batch looks like; each field is drawn when absent. */
export interface Wish { stream?: string; count?: number; twin?: string; urgent?: boolean; small?: boolean }

/** Errors that an append may meet in a world that fails, and whether they promise that nothing was kept. */
const REFUSALS: Readonly<Partial<Record<Code, boolean>>> = { 'store-full': true, 'store-failed': false, revoked: true, 'no-right': true, 'not-a-member': true, closed: false, busy: true };

/** Appends one batch on a machine. Gives the marks that were acknowledged; none when it was refused or the process died. */
export async function append(world: World, machine: Machine, wish: Wish = {}): Promise<string[]> {
  const { ledger, trace } = world;
  const chance = wish.twin === undefined ? world.chance : world.chance.branch(`twin/${wish.twin}`);
  const stream = wish.stream ?? chance.maybe(world.may(machine, 'write'));
  if (stream === undefined || machine.state !== 'up') return [];
  const count = wish.count ?? (wish.small ? chance.int(1, 3) : size(chance));
  const saw = wish.twin === undefined && chance.hit(0.4) ? await newest(world, machine, stream) : undefined;
  if (machine.state !== 'up') return [];
  const disk = machine.disk.label;
  const drafts: Draft[] = [];
  const marks: string[] = [];
  let group: string[] = [];
  for (let i = 0; i < count; i++) {
    const mark = wish.twin === undefined ? ledger.mark() : `t${wish.twin}-${i}`;
    const joined = i + 1 < count && group.length < 8 && chance.hit(0.15);
    const draft: Draft = {
      key: `k${chance.int(0, 6)}`, type: chance.pick(['reading', 'set', 'note']), body: body(chance, mark, count > 20 || joined || group.length > 0),
      ...(chance.hit(0.5) ? { time: trueTime(world.timeline) - chance.int(0, 100_000) } : {}), ...(joined ? { joined } : {}),
    };
    group.push(mark);
    ledger.attempt({
      mark, at: world.timeline.now, machine: machine.label, node: machine.identity, stream, key: draft.key, type: draft.type, time: draft.time, body: encodeValue(draft.body), state: 'open', id: undefined,
      group: joined || group.length > 1 ? group : undefined, saw, twin: wish.twin !== undefined,
    });
    if (!joined) group = [];
    drafts.push(draft);
    marks.push(mark);
  }
  try {
    const placed = await machine.ask((node) => node.append(stream, drafts, { urgent: wish.urgent ?? chance.hit(0.2) }));
    if (!placed) return [];
    if (placed.length !== count) ledger.problem(`${machine.label} answered ${placed.length} places for ${count} events`);
    marks.forEach((mark, i) => ledger.acknowledge(mark, placed[i]!.id, disk));
    trace.note('ack', machine.label, stream, marks[0]!, count);
    return marks;
  } catch (error) {
    const code = codeOf(error);
    trace.note('nack', machine.label, stream, marks[0]!, count, code, String(error));
    const nothing = REFUSALS[code];
    if (nothing === undefined || (code === 'no-right' && !world.revoked(machine))) ledger.problem(`append on ${machine.label}: ${error instanceof Error ? error.stack : String(error)}`);
    if (nothing) for (const mark of marks) ledger.refuse(mark);
    return [];
  }
}

/** The stamp of the last event in a stream as the machine shows it; what is appended after this was asked must sort later. */
async function newest(world: World, machine: Machine, stream: string): Promise<Stamp | undefined> {
  if (!world.may(machine, 'read').includes(stream)) return undefined;
  return machine.ask(async (node) => {
    try {
      for await (const entry of node.read(stream, { limit: 1, reverse: true })) return entry.stamp;
    } catch (error) {
      if (codeOf(error) !== 'store-damaged') throw error; // a disk that rots: nothing of the stream can be shown
    }
    return undefined;
  });
}

function size(chance: Chance): number {
  switch (chance.weighted({ one: 5, few: 4, many: 1, flood: 0.06 })) {
    case 'one': return 1;
    case 'few': return chance.int(2, 16);
    case 'many': return chance.int(17, 120);
    case 'flood': return chance.int(300, 1_200);
  }
}

function body(chance: Chance, mark: string, small: boolean): Record<string, unknown> {
  const extra = chance.weighted({ number: 6, text: 2, nested: 1, bytes: small ? 0 : 0.5, huge: small ? 0 : 0.1 });
  switch (extra) {
    case 'number': return { m: mark, v: chance.int(-2_000, 2_000) / chance.pick([1, 10, 8]) };
    case 'text': return { m: mark, s: 'ä€𝄞x'.slice(0, chance.int(0, 4)).replace(/[\ud800-\udfff]/g, '') + 'n'.repeat(chance.int(0, 40)) };
    case 'nested': return { m: mark, list: [null, true, -0, 1.5, { deep: [chance.int(0, 9)] }] };
    case 'bytes': return { m: mark, b: chance.bytes(chance.int(0, 300)) };
    case 'huge': return { m: mark, b: chance.bytes(chance.int(10_000, 60_000)) };
  }
}
