// Rows that the API shows of a fleet, as JSON has them: gathered by the program, served by the API, drawn by the page. HTTP.md says what each field means.

/** One node of the fleet as it is seen from here; what is not known is null. Times are ms since 1970. */
export interface NodeRow {
  node: string;
  name: string;
  state: 'member' | 'revoked' | 'unknown';
  admin: boolean;
  relay: boolean;
  self: boolean;
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

/** Something that calls for somebody. `at`: when it was noticed by this process; null for what it found. */
export interface AlarmRow { kind: 'fork' | 'clone' | 'quarantine' | 'clock' | 'disk' | 'silence' | 'damage' | 'other'; code: string; level: 'odd' | 'bad'; node: string; name: string; text: string; at: number | null }

/** A link of this node. */
export interface LinkRow {
  url: string;
  state: 'connected' | 'connecting' | 'waiting';
  resting: boolean;
  node: string | null;
  name: string | null;
  rate: number | null;
  reason: string | null;
  in: number;
  out: number;
  broker: { members: number; equal: number; published: number; received: number; refused: number; repeated: number; sessions: number } | null;
}

/** A node that is named in an answer. */
export interface Named { node: string; name: string }

/** A bundle that this node made; `for`: whom, none: whoever gets it; `arrived`: who has said to have taken it in. */
export interface BundleRow { bundle: string; at: number; events: number; bytes: number; for: Named[]; arrived: (Named & { at: number })[] }

/** One node with all that is known of it here. `host`: its last metrics; `bundles`: those that this node made for it. */
export interface NodeFull extends Omit<NodeRow, 'alarms'> {
  read: string[];
  write: string[];
  joinedBy: Named | null;
  revokedBy: Named[];
  receipt: { at: number; complete: boolean } | null;
  host: unknown;
  alarms: AlarmRow[];
  bundles: BundleRow[];
}
