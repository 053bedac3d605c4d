// What a node shows of itself where sessions are not open yet, and whether it lacks what others show.
import type { Item } from './log/item.ts';
import type { Node } from './node.ts';
import { hex } from './event/bytes.ts';
import { TIP } from './log/item.ts';
import { lacks } from './log/supply.ts';
import { liveOf } from './node-host.ts';

/** Tips of the logs that this process writes, as far as they are sealed. */
export function ownTips(node: Node): Item[] {
  return [...node.writer.logs.values()].flatMap((own) => node.archive.frontier.get(hex(own.log)) ?? []).filter((item) => item.kind === TIP);
}

/** For each tip that another shows: would the door take something of its ancestry? What only a key could tell counts as no. */
export function lacking(node: Node, tips: Pick<Item, 'log' | 'node' | 'to' | 'after'>[]): Promise<boolean[]> {
  const live = liveOf(() => node.writer.unstored());
  return Promise.all(tips.map(async (tip) => await lacks(node.archive, live, tip) ?? false));
}
