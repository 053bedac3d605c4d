// What words say that bundles bring and carry on: kept whatever they are, compared with what is held, and passed to the next.
import type { Bytes } from './ports.ts';
import type { Word } from './carry/bundle-word.ts';
import type { Node } from './node.ts';
import { codeOf } from './fault.ts';
import { hex } from './event/bytes.ts';
import { readWord } from './carry/bundle-word.ts';
import { decodeCursor } from './log/cursor.ts';
import { heldCursors, keepWord, wordsHeld } from './node-words.ts';

/** As `keepWord`, for a word that may be anything: what is none is left. */
export async function keepSaid(node: Node, bytes: Bytes): Promise<void> {
  await keepWord(node, bytes).catch((error: unknown) => {
    if (codeOf(error) !== 'bad-encoding' && codeOf(error) !== 'bad-signature') throw error;
  });
}

/** Whether what a word says of this node's own frontier still holds: nothing has come or gone since. */
export function stillSaid(node: Node, word: Word): boolean {
  const told = (frontier: Word['frontier']): string => JSON.stringify(frontier.map(({ stream, cursor }) => {
    try {
      return [stream, decodeCursor(node.archive.crypto, node.fleet, stream, cursor).base?.told.map((one) => `${hex(one.log)} ${one.from} ${one.to} ${hex(one.e)}`).sort((a, b) => (a < b ? -1 : 1))];
    } catch {
      return [stream, cursor];
    }
  }).sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)));
  return told(word.frontier) === told(heldCursors(node));
}

/** The words of others that are worth carrying on, the newest first. */
export async function newestWords(node: Node): Promise<Bytes[]> {
  const { crypto, fleet } = node.archive;
  return (await wordsHeld(node)).map((bytes) => ({ bytes, made: readWord(crypto, fleet, bytes).made })).sort((a, b) => b.made - a.made).map(({ bytes }) => bytes);
}
