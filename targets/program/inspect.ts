// `status`, `digest` and `verify`: what a node holds, and whether it is whole.

import { resolve } from 'node:path';
import { asWritten, misused, type Command } from './command.ts';
import type { Missing, Repaired } from './database.ts';
import { checkUrl, schemeOf } from './link-url.ts';
import { openDatabase } from './open.ts';
import { counted, grouped, printable } from './output.ts';
import { reportLines } from './report-lines.ts';

export const statusCommand: Command = {
  name: 'status',
  positionals: [],
  summary: 'show what this node holds, its fleet, its links and alarms',
  about: ['Asks the running node if there is one; links are shown only then. `holdfast doctor` says what to do about what is wrong.'],
  flags: {},
  examples: [['holdfast status', 'for people'], ['holdfast status --json | jq .streams', 'for programs']],
  async run({ dir, out }) {
    const database = await openDatabase({ dir, out });
    try {
      const report = await database.report();
      await out.result(report, () => reportLines(report).join('\n'));
    } finally {
      await database.close();
    }
  },
};

export const digestCommand: Command = {
  name: 'digest',
  positionals: [],
  summary: 'print a hash of all that is held, to compare nodes',
  about: ['Two nodes that hold the same events print the same digest, however the events came and however they are packed. It covers all streams but the system\'s.'],
  flags: {},
  examples: [['holdfast digest', 'compare it with the one of another node'], ['holdfast digest --json', '{"digest","events"}']],
  async run({ dir, out }) {
    const database = await openDatabase({ dir, out });
    try {
      const { digest, events } = await database.digest();
      await out.result({ digest, events }, () => `${digest}  ${counted(events, 'event')}`);
    } finally {
      await database.close();
    }
  },
};

export const verifyCommand: Command = {
  name: 'verify',
  positionals: [],
  summary: 'read everything again and check every hash and signature',
  about: [
    'Names what is damaged; exit status 1 if anything is.',
    'With --repair what is damaged is dropped from what this node says that it holds, and fetched again: from peers that are connected, if a node runs here, and from each --from. What does not come back is named. Where the file itself is damaged, `holdfast recover` makes a node in a new directory.',
  ],
  flags: {
    repair: { help: 'Drop what is damaged, and fetch it again.' },
    from: { value: 'URL_OR_PATH', many: true, help: 'Where to fetch it: a node, a bundle, a backup.' },
  },
  examples: [['holdfast verify', 'check the whole store'], ['holdfast verify --repair --from tcp://hq.example:7700', 'and mend it'], ['holdfast verify --json', '{"events","segments","damaged":[{"what","where","code"}]}']],
  async run({ command, dir, out, on, list }) {
    if (!on('repair') && list('from') !== undefined) misused('--from goes with --repair.', command);
    const from: string[] = [];
    for (const each of list('from') ?? []) {
      const path = schemeOf(each) === '' || schemeOf(each) === 'file';
      if (!path) await asWritten(command, () => checkUrl(each));
      from.push(path ? resolve(each.replace(/^file:(\/\/)?/, '')) : each);
    }
    const database = await openDatabase({ dir, out });
    try {
      if (on('repair')) {
        const done = await database.repair(from, (e, s) => out.progress(`verified ${counted(e, 'event')} in ${counted(s, 'segment')}`));
        out.progress('');
        await out.result(done, () => repairLines(done).join('\n'));
        return done.damaged.length + done.missing.length + done.failed.length + done.pages.length === 0 ? 0 : 1;
      }
      const began = performance.now();
      const { events, segments, damaged } = await database.verify((e, s) => out.progress(`verified ${counted(e, 'event')} in ${counted(s, 'segment')}`));
      out.progress('');
      await out.result({ events, segments, damaged }, () => [
        ...damaged.map((each) => `damaged: ${each.what} ${each.where} [${each.code}]`),
        `verified ${counted(events, 'event')} in ${counted(segments, 'segment')} in ${((performance.now() - began) / 1000).toFixed(1)} s: ${damaged.length === 0 ? 'all whole' : `${damaged.length} damaged`}`,
      ].join('\n'));
      return damaged.length === 0 ? 0 : 1;
    } finally {
      out.progress('');
      await database.close();
    }
  },
};

/** What a repair did, for people. */
function repairLines({ found, dropped, missing, sources, failed, pages, damaged }: Repaired): string[] {
  if (found.length === 0 && pages.length === 0) return ['nothing is damaged'];
  const events = (ranges: Missing[]): number => ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return [
    ...found.map((each) => `damaged: ${each.what} ${each.where} [${each.code}]`),
    `dropped ${counted(events(dropped), 'event')}, ${grouped(events(dropped) - events(missing))} of them came back`,
    ...sources.map((each) => `  ${printable(each.from)}: ${each.error === undefined ? counted(each.events, 'event') : printable(each.error)}`),
    ...missing.slice(0, 30).map((each) => `missing: ${printable(each.stream)} of ${printable(each.name)} ${each.node.slice(0, 12)}…, log ${each.log.slice(0, 12)}…, events ${grouped(each.first)} to ${grouped(each.last)}`),
    ...(missing.length > 30 ? [`and ${grouped(missing.length - 30)} ranges more (--json names all)`] : []),
    ...failed.map((what) => `not repaired: ${what}`),
    ...damaged.map((each) => `still damaged: ${each.what} ${each.where} [${each.code}]`),
    ...(pages.length + failed.length > 0 ? [...pages, 'The file itself is damaged: `holdfast recover NEW_DIR --from` this directory makes a node with all that is left.'] : []),
    ...(missing.length > 0 ? ['What is missing is asked for again at every exchange; a bundle or a backup that holds it brings it too (--from).'] : []),
  ];
}
