// What the node's API answers besides the rows of the fleet, as far as the page asks for it; targets/api/HTTP.md says what each field means.

import type { AlarmRow, LinkRow, NodeRow } from '../program/fleet-rows.ts';

/** `GET /api/session`. */
export interface Session {
  scope: 'read' | 'append' | 'admin'; token: string | null; node: string; name: string; fleet: string; fleetName: string; version: string; now: number; view: 'node' | 'fleet';
  may: { append: boolean; bundles: boolean; invite: boolean; revoke: boolean; release: boolean; tokens: boolean };
}

/** A stream: what is held of it, and how many events came in each of the last samples, oldest first. */
export interface StreamRow { stream: string; events: number; logs: number; segments?: number; bytes?: number; rate: number[] }

/** What stands in every answer about the fleet and in every patch of it. */
export interface Counts { nodes: number; members: number; revoked: number; unknown: number; contact: number; silent: number; lacking: number; behind: number; quarantined: number; alarms: number }

/** `GET /api/fleet`, without its rows. */
export interface FleetHead {
  version: string; now: number; self: string; name: string; fleet: string; fleetName: string; uptimeMs: number; counts: Counts;
  streams: StreamRow[]; sampleMs: number; alarms: AlarmRow[]; listening: string[]; links: LinkRow[]; worries: { kind: 'odd' | 'bad'; text: string }[];
}

/** `GET /api/fleet`. */
export interface FleetPage extends FleetHead { nodes: NodeRow[]; next?: string }

/** A message of `/api/fleet/follow`: what changed. */
export interface FleetPatch {
  version: string; now: number; counts: Counts; nodes?: (Partial<NodeRow> & { node: string })[]; streams?: StreamRow[]; alarms?: AlarmRow[]; listening?: string[]; links?: LinkRow[];
  worries?: FleetHead['worries'];
}

/** An event as the node tells it. */
export interface Entry { id: string; stream: string; key: string; type: string; time: number; body?: unknown; node: string }

/** What an import of bundles brought. */
export interface Imported { events: number; segments: { added: number; held: number; refused: number }; volumes: { damaged: number[]; complete: boolean }[]; lost: unknown[]; missing: unknown[]; unknownBytes: number }

/** `GET /api/status`, of which the page shows how the node's inputs and its machine are. */
export interface Status {
  dir: string; pid: number; holes: number; void: number; unknown: number;
  disk: { used: number; free: number }; clock: { quality: 'none' | 'rtc' | 'synced'; because: string };
  inputs: { name: string; kind: string; ok: boolean; words: string; recorded: number; unchanged: number; refused: number; lost: number; samples: { at: number; reason: string; text: string; cut: boolean }[] }[];
}
