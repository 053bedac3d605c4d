// `init`, `invite`, `join`, `revoke` and `release`: who belongs to the fleet.

import { readFileSync } from 'node:fs';
import { asWritten, misused, type Command } from './command.ts';
import type { InviteWish } from './database.ts';
import { defaultName, enterFleet, foundFleet, readRootKey } from './found.ts';
import { checkUrl } from './link-url.ts';
import { openDatabase } from './open.ts';
import { printable } from './output.ts';
import { reachable } from './reachable.ts';
import { defaults } from './target.ts';

export const initCommand: Command = {
  name: 'init',
  positionals: [],
  summary: 'found a fleet; this node is its first member',
  about: [
    'Makes the data directory with the store, the keys of this node and holdfast.toml, in which every setting is explained.',
    'The root key of the fleet is written to a file of its own, root.key. It can make new administrators when all others are lost, and so can whoever steals it: move it off this device, to a stick in a safe for example.',
  ],
  flags: {
    name: { value: 'NAME', help: "This node's name (default: the host's)." },
    fleet: { value: 'NAME', help: "The fleet's name (default: this node's)." },
  },
  examples: [['holdfast init --dir /var/lib/holdfast --name alpha', 'found a fleet'], ['holdfast init --name alpha --fleet "north sea"', 'and name it']],
  async run({ command, dir, out, text }) {
    const name = checkName(text('name') ?? defaultName(), command);
    const founded = await foundFleet(dir, { name, fleetName: checkName(text('fleet') ?? name, command) });
    await out.result({ node: founded.node, name, fleet: founded.fleet, dir, rootKey: founded.rootKeyFile }, () =>
      `Founded fleet ${founded.fleet.slice(0, 12)}… in ${dir}; this node is ${printable(name)} (${founded.node.slice(0, 12)}…).`);
    out.note(`The root key is in ${founded.rootKeyFile}. Move that file off this device and keep it safe: nobody can make another.`);
    if (!out.json) out.note(`Next: holdfast append STREAM${dirFlag(dir)} records events, holdfast run${dirFlag(dir)} keeps the node running, holdfast invite${dirFlag(dir)} lets others join.`);
  },
};

/** ` --dir D` for commands that are suggested, unless the directory is the default one. */
function dirFlag(dir: string): string {
  return dir === defaults().dir || dir === process.env['HOLDFAST_DIR'] ? '' : ` --dir ${dir}`;
}

function checkName(name: string, command: Command): string {
  const trimmed = name.trim();
  if (trimmed === '' || Buffer.byteLength(trimmed) > 64 || printable(trimmed) !== trimmed) misused('A name has 1 to 64 bytes and no control characters.', command);
  return trimmed;
}

function readers(which: string | undefined, command: Command): string[] {
  if (which === undefined || which === 'all' || which === '*') return ['*'];
  return which === 'none' ? [] : misused('--read is all or none; streams with readers of their own are not there yet.', command);
}

export const inviteCommand: Command = {
  name: 'invite',
  positionals: [],
  summary: 'make a token with which one more node can join',
  about: [
    'Prints the token as the last line of stdout. Whoever has it can join the fleet, so treat it like a password; it is meant for one node, and a second use raises an alarm everywhere. It needs no connection, neither here nor where it is used, and does not expire.',
    'Without --read and --write the new node may read and write every stream. A node that may read none is a relay: it carries what it cannot read.',
  ],
  flags: {
    name: { value: 'NAME', help: 'A name for the new node, unless it chooses one itself.' },
    admin: { help: 'The new node may invite and revoke others.' },
    read: { value: 'WHICH', help: 'Which streams it may read: all (the default) or none.' },
    write: { value: 'STREAM', many: true, help: 'A stream that it may write; all, or none.' },
    address: { value: 'URL', many: true, help: 'Where it can reach this fleet (default: where the running node listens).' },
    root: { value: 'FILE', help: 'Sign with the root key in this file, for when no administrator is left.' },
  },
  examples: [
    ['holdfast invite --name beta', 'a token for a node named beta'],
    ['TOKEN=$(holdfast invite --write telemetry | tail -1)', 'a sensor that writes one stream, for a script'],
    ['holdfast invite --name relay --read none --write none', 'a node that only carries'],
    ['holdfast invite --admin --root /media/stick/root.key', 'a new administrator, signed by the root key'],
  ],
  async run({ command, dir, out, text, on, list }) {
    const wish: InviteWish = { admin: on('admin'), read: readers(text('read'), command), write: list('write')?.filter((each) => each !== 'none').map((each) => each === 'all' ? '*' : each) ?? ['*'] };
    const name = text('name');
    if (name !== undefined) wish.name = checkName(name, command);
    const addresses = list('address');
    for (const url of addresses ?? []) await asWritten(command, () => checkUrl(url));
    const rootFile = text('root');
    if (rootFile !== undefined) wish.root = readRootKey(rootFile);
    const database = await openDatabase({ dir, out });
    try {
      wish.addresses = addresses ?? reachable((await database.report()).listening);
      const token = await database.invite(wish);
      out.note('Whoever has this token can join the fleet once; keep it secret until it is used.');
      if (wish.addresses.length > 0) out.note(`It names where to connect: ${wish.addresses.join(', ')}.`);
      await out.result({ token }, () => token);
    } finally {
      await database.close();
    }
  },
};

export const joinCommand: Command = {
  name: 'join',
  positionals: ['TOKEN'],
  summary: 'make a new node that belongs to the fleet of a token',
  about: [
    'Needs no connection: the token holds all that is needed, and the node can record events at once. Others learn of it when it first meets one of them.',
    'Addresses in the token become the peers in holdfast.toml. A token of - is read from stdin, which keeps it out of the list of processes.',
  ],
  flags: { name: { value: 'NAME', help: "This node's name (default: the one in the token, or the host's)." } },
  examples: [['holdfast join holdfast1:hVhg… --dir /var/lib/holdfast --name beta', 'join with a token'], ['ssh hq holdfast invite | holdfast join -', 'from another machine, without showing it']],
  async run({ command, dir, out, positionals, text }) {
    const given = positionals[0] === '-' ? readFileSync(0, 'utf8') : positionals[0]!;
    // Whatever stood around it in a mail or a terminal does not matter.
    const token = given.trim().split(/\s+/).at(-1) ?? '';
    const name = text('name');
    const joined = await enterFleet(dir, token, name === undefined ? undefined : checkName(name, command));
    await out.result({ node: joined.node, name: joined.name, fleet: joined.fleet, dir, peers: joined.peers }, () =>
      `Joined fleet ${joined.fleet.slice(0, 12)}… in ${dir}; this node is ${printable(joined.name)} (${joined.node.slice(0, 12)}…).`);
    if (!out.json) {
      out.note(joined.peers.length > 0 ? `Next: holdfast run${dirFlag(dir)} keeps it running and connects to ${joined.peers.join(', ')}.`
        : `Next: holdfast sync URL${dirFlag(dir)} exchanges events once; holdfast run${dirFlag(dir)} --peers URL keeps a link to another node.`);
    }
  },
};

export const revokeCommand: Command = {
  name: 'revoke',
  positionals: ['NODE'],
  summary: 'take a node out of the fleet, for example a stolen one',
  about: [
    'NODE is its name, its id, or the beginning of the id, as `status` shows them. Needs no connection; each node obeys as soon as it hears of it.',
    'What the node recorded and was known here stays valid. Whatever else it records or has recorded is kept in quarantine on every node and counts nowhere, until `release` admits it. New events are encrypted under new keys.',
  ],
  flags: { why: { value: 'TEXT', help: 'The reason, for the record.' }, self: { help: 'Yes, this very node.' } },
  examples: [['holdfast revoke pump-house --why stolen', 'by name'], ['holdfast revoke 7f3a9c', 'by the beginning of its id']],
  async run({ dir, positionals, out, text, on }) {
    const database = await openDatabase({ dir, out });
    try {
      const { node, name } = await database.revoke(positionals[0]!, text('why') ?? '', on('self'));
      await out.result({ node, name }, () => `revoked ${printable(name)} (${node.slice(0, 12)}…)`);
    } finally {
      await database.close();
    }
  },
};

export const releaseCommand: Command = {
  name: 'release',
  positionals: ['NODE'],
  summary: 'admit what is in quarantine here of a revoked node',
  about: ['For events that turn out to be good after all. It admits what this node holds of that node now; the node itself stays revoked. To let it write again, invite it anew.'],
  flags: {},
  examples: [['holdfast release pump-house', 'admit its quarantined events on every node']],
  async run({ dir, positionals, out }) {
    const database = await openDatabase({ dir, out });
    try {
      const { node, name } = await database.release(positionals[0]!);
      await out.result({ node, name }, () => `released what is held of ${printable(name)} (${node.slice(0, 12)}…)`);
    } finally {
      await database.close();
    }
  },
};
