// `recover`: the words of making a node again from what is left.

import { resolve } from 'node:path';
import type { Command } from './command.ts';
import { asWritten, misused } from './command.ts';
import { importLines } from './carry.ts';
import { checkUrl, schemeOf } from './link-url.ts';
import { counted, grouped, printable } from './output.ts';
import { recoverNode, type Recovered } from './recover.ts';

/** What is named of losses on a terminal; --json names all. */
const SHOWN = 30;

export const recoverCommand: Command = {
  name: 'recover',
  positionals: ['DIR'],
  summary: 'make a node again in a new directory, from a dead card, bundles, a backup, peers',
  about: [
    'Each --from is a data directory or the card of a dead device (its database may be damaged), a folder of bundles, a bundle, a backup, the image of a card or any other file with segments in it, or the URL of a node. Whatever verifies is taken; nothing is ever written to a source.',
    'It is the same node again if one of the sources has its node.key, the first that can be read; of the old device no copy may go on. Without a key it takes --token, from `holdfast invite` on an administrator, and a new node takes in what is left.',
    'What was written once and was found nowhere is named by log and position; exit status 1 then. Broken off, it goes on when called again.',
  ],
  flags: {
    from: { value: 'PATH_OR_URL', many: true, help: 'What to recover from.' },
    token: { value: 'TOKEN', help: 'Join as a new node when no key is left.' },
    name: { value: 'NAME', help: 'The name of that new node.' },
  },
  examples: [
    ['holdfast recover /var/lib/holdfast --from /mnt/old-card', 'what a dead device left'],
    ['holdfast recover new --from backup --from /media/usb --from tcp://hq.example:7700', 'a stale backup, a stick, and the rest from a peer'],
    ['holdfast recover new --from old --token "$(ssh hq holdfast invite | tail -1)"', 'the key is gone: a new node takes all that is left'],
  ],
  async run({ command, positionals, out, list, text }) {
    const from = list('from') ?? [];
    if (from.length === 0) misused('recover needs at least one --from.', command);
    const token = text('token'), name = text('name'), peers: string[] = [], paths: string[] = [];
    for (const each of from) {
      const url = schemeOf(each) !== '' && schemeOf(each) !== 'file';
      if (url) await asWritten(command, () => checkUrl(each));
      if (url) peers.push(each); else paths.push(resolve(each.replace(/^file:(\/\/)?/, '')));
    }
    if (paths.length === 0 && token === undefined) misused('a peer alone has no key of this node: name a directory with its node.key too, or give a --token.', command);
    const done = await recoverNode({ dir: resolve(positionals[0]!), paths, peers, ...(token === undefined ? {} : { token }), ...(name === undefined ? {} : { name }) }, (words) => out.progress(words));
    out.progress('');
    await out.result(done, () => recoveredLines(done, resolve(positionals[0]!)).join('\n'));
    return done.lost.length > 0 || done.peers.some(({ error }) => error !== undefined) ? 1 : 0;
  },
};

function recoveredLines({ node, name, key, sources, bundles, journal, peers, lost, events, notes }: Recovered, dir: string): string[] {
  const lines = [key === undefined ? `No key was left: ${printable(name)} (${node.slice(0, 16)}…) joined as a new node.` : `${printable(name)} (${node.slice(0, 16)}…) again, with the key from ${printable(key)}.`];
  for (const each of sources) {
    lines.push(`${printable(each.path)}: ${counted(each.segments, 'segment')}, ${counted(each.events, 'event')} of them new here${each.refused > 0 ? `; ${grouped(each.refused)} refused` : ''}`);
    for (const what of each.damage.slice(0, 5)) lines.push(`  damaged: ${printable(what)}`);
    if (each.damage.length > 5) lines.push(`  and ${grouped(each.damage.length - 5)} more`);
  }
  if (bundles !== undefined) lines.push(...importLines(bundles));
  if (journal.events > 0) lines.push(`${counted(journal.events, 'event')} out of the journal, signed now as they were written then`);
  for (const what of journal.skipped.slice(0, 10)) lines.push(`  journal: ${printable(what)}`);
  for (const { url, received, error } of peers) lines.push(error === undefined ? `${url}: ${counted(received, 'event')}` : `${url}: ${printable(error)}`);
  for (const note of notes) lines.push(`Note: ${printable(note)}.`);
  const gone = lost.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (lost.length > 0) lines.push(`${counted(gone, 'event')} that were written once could not be found; they are lost unless another node has them:`);
  for (const each of lost.slice(0, SHOWN)) {
    lines.push(`  ${each.stream === '' ? 'stream not known' : printable(each.stream)} of ${each.node === '' ? 'a node not known' : `${printable(each.name)} ${each.node.slice(0, 12)}…`}, log ${each.log.slice(0, 12)}…, ${each.first === each.last ? `event ${grouped(each.first)}` : `events ${grouped(each.first)} to ${grouped(each.last)}`}`);
  }
  if (lost.length > SHOWN) lines.push(`  and ${grouped(lost.length - SHOWN)} ranges more (--json names all)`);
  lines.push(`The node in ${printable(dir)} holds ${counted(events, 'event')} and is ready: holdfast run --dir ${printable(dir)}`);
  return lines;
}
