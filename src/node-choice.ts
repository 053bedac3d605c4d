// Which of several links to one process of a peer is used: the others rest, so that nothing is sent twice.
import type { Connection } from './node-connection.ts';
import type { Node } from './node.ts';
import { hex } from './event/bytes.ts';

/** Chooses anew among the open links of each process; call when one has greeted, or ended, or a node turned out to be copied. */
export function chooseLinks(node: Node): void {
  const processes = new Map<string, Connection[]>();
  for (const connection of node.connections) {
    if (connection.process === undefined) continue;
    // Of a copied machine two processes may say that they are the same one: each of their links is used.
    if (node.archive.suspects.has(hex(connection.peer!))) { connection.rest(false); continue; }
    const links = processes.get(connection.process);
    if (links) links.push(connection); else processes.set(connection.process, [connection]);
  }
  for (const links of processes.values()) {
    let best = links[0]!;
    for (const link of links) if (link.preference < best.preference || (link.preference === best.preference && opener(node, link) < opener(node, best))) best = link;
    // First the one that takes over, so that there is no moment without any.
    best.rest(false);
    for (const link of links) if (link !== best) link.rest(true);
  }
}

/** Among equal links the one that the lower id opened: both sides come to the same choice. */
function opener(node: Node, { role, peer }: Connection): string {
  return hex(role === 'open' ? node.id : peer!);
}
