// What a node notes down beside its log: alarms that were raised, and the receipts of others.
import type { Bytes } from './ports.ts';
import type { Alarm } from './log/change.ts';
import type { Node } from './node.ts';
import type { Status } from './node-status.ts';
import { equal, hex } from './event/bytes.ts';
import { decode, encode } from './event/cbor.ts';
import { pages } from './log/archive.ts';
import { alarmRow } from './log/meta.ts';

/** Raises an alarm outside of a change of the log. Faults: those of `Store.commit`; the host is told first. */
export async function raise(node: Node, alarm: Alarm): Promise<void> {
  node.options.notice({ kind: 'alarm', alarm });
  await node.turn(() => node.archive.store.commit([alarmRow(node.archive.crypto, alarm)]));
}

/** What was found damaged in the store so far. */
export function damageAlarm(node: Node): Alarm {
  const { damage } = node.archive;
  return { code: 'store-damaged', node: node.id, log: null, text: `the store is damaged; the rest of it is served, and other nodes may hold what is missing (run \`holdfast verify\`): ${damage.slice(0, 5).join('; ')}${damage.length > 5 ? `; ${damage.length - 5} more` : ''}` };
}

/** Raises what was found when the node was opened; `unused`: what of the journal could not be used. */
export async function raiseOpening(node: Node, founding: boolean, unused: string[]): Promise<void> {
  if (unused.length) await raise(node, { code: 'journal', node: node.id, log: null, text: `what the journal held could not all be used: ${unused.slice(0, 5).join('; ')}` });
  // A member's store holds at least its own join: an empty one was lost, whoever made it anew.
  if (!founding && !node.archive.frontier.size) await raise(node, { code: 'store', node: node.id, log: null, text: 'the store of this node was lost or emptied: what no other node holds is gone, the rest comes back when it meets one' });
  if (node.archive.damage.length) await raise(node, damageAlarm(node)).catch(() => undefined); // told by `notice` all the same
}

/** All alarms: the store's, and those that the fleet's history raises. */
export async function alarmsIn(node: Node): Promise<Alarm[]> {
  const out: Alarm[] = [];
  for await (const row of pages(node.options.store, 'alarm', undefined, undefined, 500, () => undefined)) {
    const [code, author, log, text] = decode(row.value) as [string, Bytes, Bytes | null, string];
    out.push({ code, node: author, log, text });
  }
  return [...out, ...node.desk.alarms()];
}

/** A receipt that says what the last one said is noted down this often at most. */
const SAME_MS = 600_000;

/** Keeps the last receipt of a peer: with it, when it came, and our own digest at that moment. */
export function keepReceipt(node: Node, peer: Bytes, receipt: Bytes): void {
  const { digest } = node.digest();
  const now = node.options.clock.uptime();
  const last = node.lastReceipts.get(hex(peer));
  if (last && last.digest === digest && now - last.at < SAME_MS) return;
  node.lastReceipts.set(hex(peer), { digest, at: now });
  const value = encode([1, node.options.clock.now(), digest, receipt]);
  node.turn(() => node.archive.store.commit([{ table: 'receipt', key: peer, value }])).catch(() => undefined); // the next receipt says more
}

/** The last receipts: `complete` when the peer held all that this node holds now. */
export async function receiptsIn(node: Node): Promise<Status['receipts']> {
  const out: Status['receipts'] = [];
  const { digest } = node.digest();
  for await (const row of pages(node.options.store, 'receipt', undefined, undefined, 500, () => undefined)) {
    if (equal(row.key, node.id)) continue;
    const [, at, then] = decode(row.value) as [number, number, string, Bytes];
    out.push({ node: hex(row.key), at, complete: then === digest });
  }
  return out;
}

/** When the last receipt of each other node came (hex; ms since 1970), whoever of this node's processes noted it down. */
export async function receiptTimes(node: Node): Promise<Map<string, number>> {
  const out = new Map<string, number>();
  for await (const row of pages(node.options.store, 'receipt', undefined, undefined, 500, () => undefined)) if (!equal(row.key, node.id)) out.set(hex(row.key), (decode(row.value) as [number, number])[1]);
  return out;
}
