// Which of several links to one process of a peer is used: the others rest, so that nothing is sent twice. Beside one that has fallen silent the next is used as well.
import type { Connection } from './node-connection.ts';
import type { Node } from './node.ts';
import { hex } from './event/bytes.ts';

/** Chooses anew among the open links of each process; call when one has greeted, or ended, or a node turned out to be copied. */
export function chooseLinks(node: Node): void {
  const processes = new Map<string, Connection[]>();
  for (const connection of node.connections) {
    if (connection.process === undefined) continue;
    // Of a copied machine two processes may say that they are the same one: each of their links is used.
    connection.relieved = false;
    if (node.archive.suspects.has(hex(connection.peer!))) { connection.rest(false); continue; }
    const links = processes.get(connection.process);
    if (links) links.push(connection); else processes.set(connection.process, [connection]);
  }
  for (const links of processes.values()) {
    let best = links[0]!;
    for (const link of links) link.relieved = links.length > 1;
    for (const link of links) if (before(node, link, best)) best = link;
    // First the one that takes over, so that there is no moment without any.
    best.rest(false);
    let spare: Connection | undefined;
    if (best.silent) for (const link of links) if (!link.silent && (!spare || before(node, link, spare))) spare = link;
    spare?.rest(false);
    for (const link of links) if (link !== best && link !== spare) link.rest(true);
  }
}

/** Whether a link goes before another: among equal ones the one that the lower id opened. All of it is the same at both ends, so both sides come to one choice. */
function before(node: Node, a: Connection, b: Connection): boolean {
  if (a.preference !== b.preference) return a.preference < b.preference;
  const openers = [a, b].map(({ role, peer }) => hex(role === 'open' ? node.id : peer!));
  return openers[0] === openers[1] ? a.name < b.name : openers[0]! < openers[1]!;
}
