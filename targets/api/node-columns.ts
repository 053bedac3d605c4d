// The columns of what the API knows of nodes, when it is asked for as a table.

import type { NodeRow } from '../program/fleet-rows.ts';
import type { Column } from './csv.ts';
import { momentCell } from './csv.ts';

/** A row of a node, flat. */
export const NODE_COLUMNS: Column<NodeRow>[] = [
  ['node', ({ node }) => node], ['name', ({ name }) => name], ['state', ({ state }) => state], ['admin', ({ admin }) => admin], ['relay', ({ relay }) => relay], ['self', ({ self }) => self],
  ['contact', ({ contact }) => contact?.state ?? null], ['contact_at', ({ contact }) => momentCell(contact?.at)], ['contact_by', ({ contact }) => contact?.by ?? null],
  ['lacks_events', ({ lacks }) => lacks?.events ?? null], ['lacks_bytes', ({ lacks }) => lacks?.bytes ?? null], ['lacks_at', ({ lacks }) => momentCell(lacks?.at)], ['drain_ms', ({ lacks }) => lacks?.drainMs ?? null],
  ['behind_events', ({ behind }) => behind?.events ?? null], ['behind_since', ({ behind }) => momentCell(behind?.since)], ['last', ({ last }) => momentCell(last)],
  ['clock', ({ clock }) => clock?.quality ?? null], ['clock_offset_ms', ({ clock }) => clock?.offset ?? null], ['disk_free', ({ disk }) => disk?.free ?? null], ['disk_total', ({ disk }) => disk?.total ?? null],
  ['version', ({ version }) => version], ['quarantine_segments', ({ quarantine }) => quarantine?.segments ?? null], ['quarantine_bytes', ({ quarantine }) => quarantine?.bytes ?? null],
  ['alarms', ({ alarms }) => alarms], ['silent_since', ({ silent }) => momentCell(silent?.since)],
];
