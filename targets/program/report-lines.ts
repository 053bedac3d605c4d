// The words of `status`.

import type { BrokerReport, InputReport, Lacks, Report } from './database.ts';
import { spanText } from './moment.ts';
import { byteText, counted, grouped, printable } from './output.ts';
import { sqlPlace } from './sql-place.ts';

/** The lines of `status`. */
export function reportLines(report: Report): string[] {
  const lines = [
    `${printable(report.name)}  ${report.node.slice(0, 16)}…  of fleet ${printable(report.fleetName)} ${report.fleet.slice(0, 12)}…`,
    report.running ? `running for ${spanText(report.uptimeMs)} (process ${report.pid}) on ${report.dir}` : `not running; the store is ${report.dir}`,
    '',
    'streams',
    ...(report.streams.length === 0 ? ['  none yet'] : report.streams.map((each) => `  ${each.stream.padEnd(24)} ${grouped(each.events).padStart(12)} ${each.events === 1 ? 'event ' : 'events'}  ${grouped(each.logs).padStart(6)} ${each.logs === 1 ? 'log' : 'logs'}`)),
    '',
    'members',
    ...report.members.map((each) => `  ${printable(each.name).padEnd(24)} ${each.node.slice(0, 16)}…  ${each.state}${each.admin ? ', administrator' : ''}${each.read.length === 0 ? ', relay' : ''}${each.node === report.node ? ', this node' : ''}${lackWords(each.lacks, report.clock.now)}`),
  ];
  if (report.running) {
    lines.push('', 'links', ...report.listening.map((url) => `  listening on ${url}`));
    for (const peer of report.peers) {
      const who = peer.name ?? peer.node?.slice(0, 16) ?? '';
      lines.push(`  ${peer.url}  ${peer.resting ? 'standing by' : peer.state}${who === '' ? '' : ` ${printable(who)}`}${peer.state === 'connected' && peer.reason === undefined ? `, in ${byteText(peer.in)}, out ${byteText(peer.out)}` : peer.reason === undefined ? '' : `: ${printable(peer.reason)}`}`);
      if (peer.broker !== undefined) lines.push(...brokerLines(peer.broker));
    }
  }
  const { refused, garbage, strangers } = report.connections;
  if (refused + garbage + strangers > 0) lines.push(`  since the start: ${counted(strangers, 'connection')} of strangers, ${grouped(garbage)} with garbage, ${grouped(refused)} too many`);
  if (report.inputs.length > 0) lines.push('', 'inputs', ...report.inputs.flatMap(inputLines));
  if (report.bundles.length > 0) lines.push('', 'bundles made', ...report.bundles.slice(0, 8).map(({ bundle, at, events, bytes, arrived }) => `  ${bundle.slice(0, 8)}  ${spanText(Math.max(0, report.clock.now - at))} ago  ${counted(events, 'event')} (${byteText(bytes)})  ${arrived.length === 0 ? 'no word of it yet' : `taken in by ${arrived.map((one) => printable(one.name)).join(', ')}`}`));
  lines.push('', `clock   ${report.clock.quality}: ${report.clock.because}`, `disk    ${byteText(report.disk.used)} used, ${report.disk.free === Number.MAX_SAFE_INTEGER ? 'what is free on the machine of the database is not known' : `${byteText(report.disk.free)} free`}`);
  if (report.database !== undefined) lines.push(`sql     ${sqlPlace(report.database)}: PostgreSQL ${report.database.version}, ${report.database.connected ? 'connected' : 'OUT OF REACH'}, slot ${report.database.slot}, ${report.database.processes === 1 ? 'the only process' : `one of ${report.database.processes} processes`}`, ...(report.database.embedded ? [`        for one more process, and its administrator: ${report.database.place}`] : []));
  for (const each of report.quarantine) lines.push(`quarantine  ${counted(each.segments, 'segment')} (${byteText(each.bytes)}) of ${printable(each.name)} ${each.node.slice(0, 16)}…, which is revoked or not admitted`);
  for (const what of report.damage) lines.push(`DAMAGED ${printable(what)}`);
  for (const alarm of report.alarms) lines.push(`ALARM   ${printable(alarm.text)}`);
  if (report.alarms.length === 0) lines.push('alarms  none');
  return lines;
}

/** How an input is, what became of its readings, and the last of those that were refused. */
function inputLines(input: InputReport): string[] {
  const { name, kind, ok, words, recorded, unchanged, waiting, refused, lost, lostWhy, samples } = input;
  const counts = ([['recorded', recorded], ['unchanged', unchanged], ['waiting', waiting], ['refused', refused]] as const).filter(([what, count]) => count > 0 || what === 'recorded');
  const last = samples.at(-1);
  return [
    `  ${name.padEnd(24)} ${kind.padEnd(8)} ${counts.map(([what, count]) => `${grouped(count)} ${what}`).join(', ')}${ok ? '' : '  NOT WORKING'}`,
    `    ${printable(words)}`,
    ...(lost === 0 ? [] : [`    LOST ${counted(lost, 'reading')}: ${printable(lostWhy)}`]),
    ...(last === undefined ? [] : [`    refused last: ${printable(last.text.slice(0, 80))}${last.cut || last.text.length > 80 ? '…' : ''}`, `      ${printable(last.reason)}`]),
  ];
}

/** What a member is not known to hold. */
function lackWords(lacks: Lacks | undefined, now: number): string {
  if (lacks === undefined) return '';
  const known = lacks.at === null ? ', not heard of what it holds' : `, as of ${spanText(Math.max(0, now - lacks.at))} ago`;
  if (lacks.events === 0) return lacks.at === null ? known : `, holds all${known}`;
  return `, lacks about ${counted(lacks.events, 'event')} (${byteText(lacks.bytes)})${known}${lacks.drainMs === undefined ? '' : `; its link needs ${spanText(lacks.drainMs)} for them`}`;
}

/** Who is at a broker, and what its ACL must allow. */
function brokerLines({ members, topics, published, received, refused }: BrokerReport): string[] {
  return [
    ...members.map((each) => `    ${printable(each.name).padEnd(20)} ${each.equal ? 'holds the same' : each.refuses === undefined ? 'differs' : `refuses this node: ${each.refuses}`}, heard ${spanText(each.heardMs)} ago`),
    `    published ${counted(published, 'segment')}, received ${grouped(received)}${refused > 0 ? `, refused ${grouped(refused)}` : ''}; this node writes ${topics.own} and reads ${topics.read}`,
  ];
}
