// `status`, `digest` and `verify`: what a node holds, and whether it is whole.

import type { Command } from './command.ts';
import type { Report } from './database.ts';
import { spanText } from './moment.ts';
import { openDatabase } from './open.ts';
import { byteText, counted, grouped, printable } from './output.ts';

/** The lines of `status`. */
export function reportLines(report: Report): string[] {
  const lines = [
    `${printable(report.name)}  ${report.node.slice(0, 16)}…  of fleet ${printable(report.fleetName)} ${report.fleet.slice(0, 12)}…`,
    report.running ? `running for ${spanText(report.uptimeMs)} (process ${report.pid}) on ${report.dir}` : `not running; the store is ${report.dir}`,
    '',
    'streams',
    ...(report.streams.length === 0 ? ['  none yet'] : report.streams.map((each) => `  ${each.stream.padEnd(24)} ${grouped(each.events).padStart(12)} events  ${grouped(each.logs).padStart(6)} logs`)),
    '',
    'members',
    ...report.members.map((each) => `  ${printable(each.name).padEnd(24)} ${each.node.slice(0, 16)}…  ${each.state}${each.admin ? ', administrator' : ''}${each.node === report.node ? ', this node' : ''}`),
  ];
  if (report.running) {
    lines.push('', 'links', ...report.listening.map((url) => `  listening on ${url}`));
    for (const peer of report.peers) {
      const who = peer.name ?? peer.node?.slice(0, 16) ?? '';
      lines.push(`  ${peer.url}  ${peer.state}${who === '' ? '' : ` ${printable(who)}`}${peer.state === 'connected' ? `, in ${byteText(peer.in)}, out ${byteText(peer.out)}` : peer.reason === undefined ? '' : `: ${printable(peer.reason)}`}`);
    }
  }
  lines.push('', `clock   ${report.clock.quality}: ${report.clock.because}`, `disk    ${byteText(report.disk.used)} used, ${byteText(report.disk.free)} free`);
  if (report.quarantined.segments > 0) lines.push(`quarantine  ${counted(report.quarantined.segments, 'segment')}, ${byteText(report.quarantined.bytes)}: of nodes that are revoked or not admitted`);
  for (const alarm of report.alarms) lines.push(`ALARM   ${printable(alarm.text)}`);
  if (report.alarms.length === 0) lines.push('alarms  none');
  return lines;
}

export const statusCommand: Command = {
  name: 'status',
  positionals: [],
  summary: 'show what this node holds, its fleet, its links and alarms',
  about: ['Asks the running node if there is one; links are shown only then. `holdfast doctor` says what to do about what is wrong.'],
  flags: {},
  examples: [['holdfast status', 'for people'], ['holdfast status --json | jq .streams', 'for programs']],
  async run({ dir, out }) {
    const database = await openDatabase(dir);
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
    const database = await openDatabase(dir);
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
    const database = await openDatabase(dir);
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
