// What makes a log suspicious: that more than one process wrote on from one state of a node, and how an operator is told.
import type { Change } from './change.ts';
import type { LogRecord } from './record.ts';
import { hex } from '../event/bytes.ts';

/** Two openings cite one tip. */
export function suspectClone(change: Change, record: LogRecord): void {
  change.alarm('clone', record.node, null, `two processes of node ${hex(record.node)} went on from the same point of stream ${record.stream}: a copy of its disk is in use, or an old backup was restored; everything of both is kept`);
}

/** There are events past a cited tip. */
export function suspectPast(change: Change, record: LogRecord): void {
  change.alarm('clone', record.node, null, `node ${hex(record.node)} went on writing stream ${record.stream} after a later process had started from an older state: a copy of its disk is in use, or an old backup was restored; everything of both is kept`);
}

/** Two histories at one position. */
export function suspectFork(change: Change, record: LogRecord): void {
  change.alarm('fork', record.node, record.log, `node ${hex(record.node)} wrote two histories at one position of stream ${record.stream}: a running device was cloned; both are kept`);
}

/** Raises what a record shows by itself, once a node: for logs that were not admitted one by one at the door. */
export function suspect(change: Change, record: LogRecord): void {
  const { node, cited, spans } = record;
  if (change.archive.suspects.has(hex(node)) || change.alarms.some((alarm) => (alarm.code === 'clone' || alarm.code === 'fork') && hex(alarm.node) === hex(node))) return;
  if (record.forked) suspectFork(change, record);
  else if (cited.some((c) => c.by.length > 1)) suspectClone(change, record);
  else if (cited.some((c) => spans.some((s) => s.to > c.position))) suspectPast(change, record);
}
