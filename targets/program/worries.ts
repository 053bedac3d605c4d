// What is wrong with a node, judged from its report: the same words on the terminal, on the page and in the metrics.

import type { Report, Worry } from './database.ts';
import { byteText, counted } from './output.ts';

/** Free bytes below which the disk counts as a worry. */
const DISK_LOW = 500_000_000;

/** What of a report is looked at. */
type Judged = Pick<Report, 'disk' | 'damage' | 'member' | 'inputs' | 'database'> & { peers: Pick<Report['peers'][number], 'state' | 'url'>[]; alarms: unknown[]; quarantine: { segments: number }[] };

/** What is wrong, in words; empty when the node is healthy. */
export function worriesOf(report: Judged): Worry[] {
  const found: Worry[] = [];
  if (report.disk.free < DISK_LOW) found.push({ kind: 'bad', text: `only ${byteText(report.disk.free)} of disk left` });
  if (report.database?.connected === false) found.push({ kind: 'bad', text: report.database.full === true ? 'the disk of the database is full' : 'the database is out of reach' });
  if (report.damage.length > 0) found.push({ kind: 'bad', text: 'the store is damaged' });
  if (report.member === 'revoked') found.push({ kind: 'bad', text: 'this node was revoked' });
  if (report.alarms.length > 0) found.push({ kind: 'bad', text: `${report.alarms.length} alarm${report.alarms.length === 1 ? '' : 's'}` });
  const held = report.quarantine.reduce((sum, each) => sum + each.segments, 0);
  if (held > 0) found.push({ kind: 'odd', text: `${counted(held, 'segment')} in quarantine` });
  for (const each of report.inputs) if (!each.ok) found.push({ kind: 'odd', text: `input ${each.name}: ${each.words}` });
  const lost = report.inputs.reduce((sum, each) => sum + each.lost, 0);
  if (lost > 0) found.push({ kind: 'bad', text: `${counted(lost, 'reading')} lost` });
  // That no stick is in is no worry.
  const away = report.peers.filter((each) => each.state === 'waiting' && !each.url.startsWith('file:')).length;
  if (away > 0) found.push({ kind: 'odd', text: `${away} peer${away === 1 ? '' : 's'} out of reach` });
  return found;
}
