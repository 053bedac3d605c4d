// `status`, `digest` and `verify`: what a node holds, and whether it is whole.

import type { Command } from './command.ts';
import { openDatabase } from './open.ts';
import { counted } from './output.ts';
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
  about: ['Names what is damaged; exit status 1 if anything is. Damaged segments can be fetched again from another node by `sync`.'],
  flags: {},
  examples: [['holdfast verify', 'check the whole store'], ['holdfast verify --json', '{"events","segments","damaged":[{"what","where","code"}]}']],
  async run({ dir, out }) {
    const database = await openDatabase({ dir, out });
    try {
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
