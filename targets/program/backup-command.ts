// `backup`: a copy of a node, running or not, for the day on which its device dies.

import { resolve } from 'node:path';
import type { Command } from './command.ts';
import { openDatabase } from './open.ts';
import { byteText, counted, printable } from './output.ts';

export const backupCommand: Command = {
  name: 'backup',
  positionals: ['DIR_OR_FILE'],
  summary: 'copy a node while it runs: store, journal, key and settings',
  about: [
    'Writes a new folder, or one file if the name ends in .tar. It has its name only when everything in it was flushed and read again. `holdfast recover NEW --from BACKUP` makes a node of it.',
    'It holds the node\'s secrets: keep it where nobody else can read it, or leave the key out with --without-key. The root key is never in it. Running a copy beside the original does no harm that the fleet would not name, but is not what it is for.',
    'With --json: {"path","bytes","events","key","damaged"}; damaged: the store is, and was copied as it is.',
  ],
  flags: { 'without-key': { help: 'Leave node.key out: nobody can be this node by it, and recovering needs a token.' } },
  examples: [['holdfast backup /mnt/disk/pump-house-monday', 'a folder'], ['holdfast backup /mnt/disk/pump-house.tar --without-key', 'one file, without secrets']],
  async run({ dir, out, positionals, on }) {
    const database = await openDatabase({ dir, out });
    try {
      const made = await database.backup({ target: resolve(positionals[0]!), ...(on('without-key') ? { withoutKey: true } : {}) }, (bytes, events) => out.progress(`copied ${byteText(bytes)}, ${counted(events, 'event')}`));
      out.progress('');
      await out.result(made, () => [
        `${printable(made.path)}: ${counted(made.events, 'event')} (${byteText(made.bytes)}), flushed and read again`,
        made.key ? 'It holds the secrets of this node: keep it where nobody else can read it.' : 'It holds no key of this node: recovering from it needs a token.',
        ...(made.damaged ? ['The store is damaged; it was copied as it is. `holdfast verify` names what is lost.'] : []),
      ].join('\n'));
    } finally {
      out.progress('');
      await database.close();
    }
  },
};
