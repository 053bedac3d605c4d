// `export` and `import`: what is carried by hand, as volumes on a stick, as one file, or through a pipe.

import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ImportReport } from '../../src/node-import.ts';
import { misused, type Command } from './command.ts';
import type { BundleWish } from './database.ts';
import { readMomentFlag } from './moment-flag.ts';
import { openDatabase } from './open.ts';
import { byteText, counted, grouped, printable } from './output.ts';
import { spoolIn } from './spool.ts';

const UNITS: { [unit: string]: number } = { '': 1, k: 1e3, m: 1e6, g: 1e9, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3 };

/** A size such as 4GB, 700MiB or 1048576. */
function readSize(written: string, command: Command): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?i?)b?$/i.exec(written) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[(unit ?? '').toLowerCase()] ?? NaN));
  return Number.isSafeInteger(bytes) && bytes >= 1_048_576 ? bytes : misused(`--volume-size is ${JSON.stringify(written)}; write a size from 1MiB, such as 700MB or 4GiB.`, command);
}

function readShare(written: string, command: Command): number {
  const share = Number(/^(\d+(?:\.\d+)?)\s*%$/.exec(written)?.[1] ?? NaN) / 100;
  return share > 0 && share <= 2 ? share : misused(`--parity is ${JSON.stringify(written)}; write how much may be lost, from 1% to 200%.`, command);
}

export const exportCommand: Command = {
  name: 'export',
  positionals: ['DIR_OR_FILE'],
  summary: 'write what others lack as volumes for a stick, one file, or stdout',
  about: [
    'Takes along what no other node is known to hold; with --for what that node is not known to hold; with --all everything. A name that ends in .hfb is one file, - is stdout, anything else a folder, which gets volumes that fit FAT32. Only members of the fleet can read them.',
    'What lies in the folder already is left out, so an export that was interrupted, or a full stick, is gone on with by the same command. A volume counts once it was flushed, and read again as it was written.',
    'With nothing to carry it writes a small volume all the same: it tells the other side what this node holds.',
  ],
  flags: {
    for: { value: 'NODE', many: true, help: 'Whom it is for: a name, or the beginning of an id.' },
    since: { value: 'WHEN', help: 'Only segments with events from then on: a date, or 6h, 2d.' },
    streams: { value: 'A,B', help: 'Only these streams (and what the fleet itself needs).' },
    all: { help: 'Everything that is held, also what others are known to hold or what lies there.' },
    'volume-size': { value: 'SIZE', help: 'The most that one volume takes, such as 700MB (default: 4 GiB less a little).' },
    parity: { value: 'SHARE', help: 'Volumes of parity too: with 20% any fifth of the blocks may be lost or damaged.' },
  },
  examples: [
    ['holdfast export /media/usb', 'what is nowhere else goes on the stick'],
    ['holdfast export /media/usb --for clinic-7 --parity 20%', 'what clinic-7 lacks, and a fifth more to survive damage'],
    ['holdfast export - | ssh ship holdfast import -', 'through a pipe'],
  ],
  async run({ command, dir, out, positionals, text, list, on }) {
    const target = positionals[0]!, since = text('since'), size = text('volume-size'), parity = text('parity'), streams = text('streams');
    const piped = target === '-', spool = piped ? await spoolIn(resolve(dir)) : undefined;
    const single = piped || (/\.hfb$/i.test(target) && !await stat(target).then((found) => found.isDirectory(), () => false));
    if (single && parity !== undefined) misused('--parity writes volumes of its own; name a folder.', command);
    if (single && size !== undefined) misused('--volume-size is for folders; this is one file.', command);
    const wish: BundleWish = {
      ...(single ? { file: spool === undefined ? resolve(target) : join(spool, 'bundle.hfb') } : { folder: resolve(target) }),
      ...(list('for') === undefined ? {} : { for: list('for')! }), ...(since === undefined ? {} : { since: readMomentFlag('since', since, Date.now(), command) }),
      ...(streams === undefined ? {} : { streams: streams.split(',').map((each) => each.trim()).filter((each) => each !== '') }), ...(on('all') ? { everything: true } : {}),
      ...(size === undefined ? {} : { volumeBytes: readSize(size, command) }), ...(parity === undefined ? {} : { parity: readShare(parity, command) }),
    };
    const database = await openDatabase({ dir, out });
    try {
      const made = await database.exportTo(wish, (bytes, events) => out.progress(`${counted(events, 'event')}, ${byteText(bytes)}`));
      out.progress('');
      if (piped) {
        await pipeline(createReadStream(made.volumes[0]!.file), process.stdout, { end: false });
        out.note(`wrote ${counted(made.events, 'event')} (${byteText(made.bytes)})`);
        return;
      }
      await out.result(made, () => [
        ...made.finished.map(({ file, events }) => `${printable(file)}  ${counted(events, 'event')}, left unfinished by an export before, made whole now`),
        ...made.volumes.map(({ file, bytes, events }, i) => `${printable(file)}  ${byteText(bytes)}  ${i >= made.volumes.length - made.parity ? 'parity' : counted(events, 'event')}`),
        `wrote ${counted(made.events, 'event')} in ${counted(made.volumes.length, 'volume')} (${byteText(made.bytes)}), read again and whole${made.events === 0 ? `; nothing ${made.finished.length > 0 ? 'else ' : ''}was left to carry, the volume says what this node holds` : ''}`,
        ...(made.damaged > 0 ? [`${counted(made.damaged, 'stored segment')} could not be read and stayed behind; \`holdfast verify --repair\` fetches them from others`] : []),
      ].join('\n'));
    } finally {
      out.progress('');
      await database.close();
      if (spool !== undefined) await rm(spool, { recursive: true, force: true });
    }
  },
};

export const importCommand: Command = {
  name: 'import',
  positionals: ['PATH', '[MORE…]'],
  summary: 'take in what was carried here: volumes, folders of them, or stdin',
  about: [
    'Takes any part of a bundle, in any order, any number of times; whatever is whole is used at once. What is damaged is restored where parity allows, and otherwise named by its volume and events. Broken off, it goes on where it was when called again.',
    'Exit status 1 if something was lost that is not held here; 3 if all that is there was taken in, but it tells of volumes, or of the end of one, that were not.',
  ],
  flags: {},
  examples: [['holdfast import /media/usb', 'everything on the stick'], ['holdfast import day1.hfb day2.hfb', 'single files'], ['ssh ship holdfast export - | holdfast import -', 'through a pipe']],
  async run({ dir, out, positionals }) {
    const spool = positionals.includes('-') ? await spoolIn(resolve(dir)) : undefined;
    try {
      const paths: string[] = [];
      for (const path of positionals) {
        if (path !== '-') { paths.push(resolve(path)); continue; }
        const file = join(spool!, 'stdin.hfb');
        await pipeline(process.stdin, createWriteStream(file));
        paths.push(file);
      }
      const database = await openDatabase({ dir, out });
      try {
        const report = await database.importFrom(paths, (bytes, events) => out.progress(`read ${byteText(bytes)}, ${counted(events, 'new event')}`));
        out.progress('');
        await out.result(report, () => importLines(report).join('\n'));
        return importStatus(report);
      } finally {
        out.progress('');
        await database.close();
      }
    } finally {
      if (spool !== undefined) await rm(spool, { recursive: true, force: true });
    }
  },
};

/** The exit status of an import: 1 when something is known to be lost or nothing opened, 3 when something that was not there may hold more, 0 otherwise. */
export function importStatus({ lost, volumes, missing }: ImportReport): number {
  if (lost.length > 0 || volumes.length === 0) return 1;
  return missing.length > 0 || volumes.some(({ complete }) => !complete) ? 3 : 0;
}

/** What an import did, for people. */
export function importLines({ events, segments, words, volumes, lost, missing, unknownBytes }: ImportReport): string[] {
  if (volumes.length === 0) return ['nothing in it opens: it is no bundle of this fleet, or damaged throughout'];
  const lines = words.map(({ name, node, made }) => `from ${printable(name)} ${node.slice(0, 12)}…, made ${new Date(made).toISOString().slice(0, 19).replace('T', ' ')}`);
  for (const { bundle, volume, source, damaged, restored, complete } of volumes) {
    if (damaged.length === 0 && complete && restored === 0) continue;
    const what = [restored > 0 ? `${counted(restored, 'block')} restored by parity` : '', damaged.length > 0 ? `blocks ${ranges(damaged)} cannot be read` : '', complete ? '' : 'its end is missing'].filter((each) => each !== '');
    lines.push(`volume ${volume + 1} of ${bundle.slice(0, 8)} (${printable(source)}): ${what.join(', ')}`);
  }
  for (const each of missing.slice(0, 20)) lines.push(`of bundle ${each.bundle.slice(0, 8)} nothing was here of volume${each.volumes.length === 1 ? '' : 's'} ${ranges(each.volumes.map((number) => number + 1))}: is there another stick?`);
  for (const { stream, log, first, last, volume } of lost.slice(0, 20)) lines.push(`  lost in volume ${volume + 1}: ${stream}, log ${log.slice(0, 12)}…, events ${grouped(first)} to ${grouped(last)}`);
  if (lost.length > 20) lines.push(`  and ${counted(lost.length - 20, 'more range')}`);
  if (unknownBytes > 0) lines.push(`${byteText(unknownBytes)} of what was read opens nothing`);
  lines.push(`took in ${counted(events, 'event')}; ${counted(segments.added, 'segment')} new, ${grouped(segments.held)} held already${segments.refused > 0 ? `, ${grouped(segments.refused)} refused` : ''}`);
  if (lost.length > 0) lines.push('Another copy, a volume of parity, or any link to a node that holds them brings the rest.');
  return lines;
}

/** 3, 4, 5, 9 as "3-5, 9". */
function ranges(numbers: number[]): string {
  const out: string[] = [];
  for (let i = 0; i < numbers.length; i++) {
    const first = numbers[i]!;
    while (numbers[i + 1] === numbers[i]! + 1) i++;
    out.push(first === numbers[i] ? String(first) : `${first}-${numbers[i]!}`);
  }
  return out.length > 12 ? `${out.slice(0, 12).join(', ')} and more` : out.join(', ');
}
