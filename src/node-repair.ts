// Repairs a node's logs: what is damaged is no longer held, which its peers hear of.
import type { Bytes } from './ports.ts';
import type { Node } from './node.ts';
import { codeOf } from './fault.ts';
import { hex, unhex } from './event/bytes.ts';
import { recordOf } from './log/archive.ts';
import { Change } from './log/change.ts';
import type { Damage } from './log/verify.ts';
import { dropDamaged } from './log/repair.ts';

/** What was said to be held of a log before it was repaired. */
export interface Claimed { log: Bytes; stream: string; node: Bytes; spans: readonly { from: number; to: number }[] }

/** Drops what is damaged from the logs that `verify` named, one after the other. `failed`: what the store would not let go of, in words. Faults: those of the store, but for damage. */
export async function repairLogs(node: Node, damaged: Damage[]): Promise<{ claimed: Claimed[]; failed: string[] }> {
  const claimed: Claimed[] = [], failed: string[] = [];
  for (const name of new Set(damaged.flatMap(({ where }) => /\blog ([0-9a-f]{32})\b/.exec(where)?.[1] ?? []))) {
    await node.turn(async () => {
      const log = unhex(name), before = await recordOf(node.archive, log), change = new Change(node.archive);
      try {
        if (!before || !await dropDamaged(change, log)) return;
        await change.commit();
        claimed.push({ log, stream: before.stream, node: before.node, spans: before.spans });
      } catch (error) {
        if (codeOf(error) !== 'store-damaged') throw error;
        failed.push(`log ${hex(log)} of stream ${before?.stream ?? ''}: the pages that it lies on are damaged, and nothing can be written there`);
      }
    });
  }
  // Sealing tells the sessions what has changed.
  node.seal();
  return { claimed, failed };
}
