// Telling a store again what is admitted: for rows that it keeps beside the segments, which can always be made anew from them.
import type { Admitted } from './ports.ts';
import type { Node } from './node.ts';
import { pages } from './log/archive.ts';
import { Change } from './log/change.ts';
import { decodeRecord } from './log/record.ts';
import { beyond, openStored } from './log/opened.ts';
import type { Piece } from './log/span.ts';

/** Events of one commit, about. */
const TOGETHER = 4_096;

/**
 * Hands every admitted event of these streams that this node can read to the store once more, log by log, as one that is taken back and admitted; `progress` is told how many so far. Events that are written
 * meanwhile are told as ever. Gives their number. Faults: those of `Store.commit`; it can be done again.
 */
export async function retell(node: Node, progress: (events: number) => void, wanted: (stream: string) => boolean = () => true): Promise<number> {
  const { archive } = node;
  let events = 0;
  for await (const { key } of pages(archive.store, 'log', undefined, undefined, 256)) {
    await node.turn(async () => {
      const row = await archive.store.get('log', key), record = row && decodeRecord(row);
      if (!record || record.stream.startsWith('$') || !wanted(record.stream) || !record.spans.length) return;
      const top = record.bounds ? Math.max(0, ...record.bounds.map((b) => b.position)) : Infinity;
      let before: Piece[] = [], runs: Admitted[] = [], waiting = 0;
      const tell = async (): Promise<void> => {
        if (runs.length) await archive.store.commit([], { retracted: runs, admitted: runs });
        events += waiting;
        runs = [];
        waiting = 0;
      };
      for (const opened of await openStored(new Change(archive), key)) {
        if (!opened.inside) continue;
        before = before.filter(({ last }) => last >= opened.piece.first); // they come in order of their first positions
        const fresh = beyond(opened, before, 1, top);
        runs.push(...fresh);
        waiting += fresh.reduce((sum, run) => sum + run.ends.length, 0);
        before.push(opened.piece);
        if (waiting >= TOGETHER) await tell();
      }
      await tell();
    });
    progress(events);
  }
  return events;
}
