// What the node's API answers, as far as the page asks for it; targets/api/HTTP.md says what each field means.

/** `GET /api/session`. */
export interface Session {
  scope: 'read' | 'append' | 'admin'; token: string | null; node: string; name: string; fleet: string; fleetName: string; version: string; now: number; view: 'node' | 'fleet';
  may: { append: boolean; bundles: boolean; invite: boolean; revoke: boolean; release: boolean; tokens: boolean };
}

/** A node of the fleet, as it is seen from the node that serves the page. */
export interface NodeRow {
  node: string; name: string; state: 'member' | 'revoked' | 'unknown'; admin: boolean; relay: boolean; self: boolean;
  contact: { state: 'connected' | 'heard' | 'past'; at: number; by: string } | null;
  links: { url: string; state: 'connected' | 'resting' | 'broker'; level: boolean | null; rate: number | null }[];
  lacks: { events: number; bytes: number; at: number | null; drainMs: number | null } | null;
  behind: { events: number; since: number } | null;
  last: number | null;
  clock: { quality: 'none' | 'rtc' | 'synced'; offset: number | null } | null;
  disk: { free: number; total: number } | null;
  version: string | null;
  quarantine: { segments: number; bytes: number } | null;
  alarms: number;
  silent: { since: number; habit: number } | null;
}

/** A stream: what is held of it, and how many events came in each of the last samples, oldest first. */
export interface StreamRow { stream: string; events: number; logs: number; segments?: number; bytes?: number; rate: number[] }

/** Something that calls for somebody. */
export interface AlarmRow { kind: 'fork' | 'clone' | 'quarantine' | 'clock' | 'disk' | 'silence' | 'damage' | 'other'; code: string; level: 'odd' | 'bad'; node: string; name: string; text: string; at: number | null }

/** A link of the node that serves the page. */
export interface LinkRow {
  url: string; state: 'connected' | 'connecting' | 'waiting'; resting: boolean; node: string | null; name: string | null; rate: number | null; reason: string | null; in: number; out: number;
  broker: { members: number; equal: number; published: number; received: number; refused: number; repeated: number; sessions: number } | null;
}

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

/** `GET /api/nodes/N`. */
export interface NodeFull extends Omit<NodeRow, 'alarms'> {
  read: string[]; write: string[]; joinedBy: { node: string; name: string } | null; revokedBy: { node: string; name: string } | { node: string; name: string }[] | null;
  receipt: { at: number; complete: boolean } | null; host: unknown; alarms: { code: string; text: string; at?: number | null }[];
  bundles: { bundle: string; at: number; events: number; bytes: number; arrived: { node: string; name: string; at: number }[] }[];
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
