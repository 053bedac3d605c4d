// What the HTTP API shows of an open node besides its database: the contract between the program, which gathers it, and the routes.

import type { ImportReport } from '../../src/node-import.ts';
import type { PeerReport, Worry } from './database.ts';
import type { AlarmRow, BundleRow, LinkRow, Named, NodeFull, NodeRow } from './fleet-rows.ts';
import type { TokenDocument } from './http-tokens.ts';

/** A stream as it is held here. */
export interface StreamRow { stream: string; events: number; logs: number; segments: number; bytes: number }

/** The fleet at a moment; nodes in order of id. `alarms`: the worst first, as many as are listed; `alarmCount`: all. */
export interface FleetNow {
  self: string;
  name: string;
  fleet: string;
  fleetName: string;
  now: number;
  uptimeMs: number;
  nodes: NodeRow[];
  streams: StreamRow[];
  alarms: AlarmRow[];
  alarmCount: number;
  listening: string[];
  links: LinkRow[];
  worries: Worry[];
}

/** A bundle on its way out, made while it is read. */
export interface Outgoing { name: string; blocks: AsyncGenerator<Uint8Array> }

/** What only the process that has the node open can do. */
export interface Hub {
  /** Who this node is, and what time it has. */
  identity(): { node: string; name: string; fleet: string; fleetName: string; now: number };
  /** The fleet as it is now, from memory; what takes longer is looked at meanwhile, for as long as somebody asks. */
  fleet(): Promise<FleetNow>;
  /** One node: by its id, the beginning of it, or its name. Faults: `not-found`, `too-many` (several fit). */
  node(wanted: string): Promise<NodeFull>;
  /** Where this node listens, and its links in full. */
  links(): { listening: string[]; links: PeerReport[] };
  receipts(): AsyncIterable<Named & { at: number; complete: boolean }>;
  quarantine(): (Named & { segments: number; bytes: number; state: NodeRow['state'] })[];
  bundles(): Promise<BundleRow[]>;
  /** Whether this node itself may invite, revoke and release. */
  readonly admin: boolean;
  /** Addresses at which others reach this node. */
  addresses(): string[];
  /** Fault `bad-url`: nobody can be reached by it. */
  checkAddress(url: string): Promise<void>;
  /** A bundle of what a node is not known to hold. Faults: `not-found`, `too-many`. */
  bundleFor(wanted: string): Promise<Outgoing>;
  /** Takes volumes in, in any number, one behind the other, while they come; `spool` bytes of them at most are kept meanwhile, for parity. Faults: those of `pieces` and of the store; what came before is kept. */
  takeBundles(pieces: AsyncIterable<Uint8Array>, spool: number): Promise<ImportReport>;
  /** Where the named tokens are kept. */
  readonly tokens: TokenDocument;
  /** Resolves when the store has answered. Faults: those of the store. */
  ready(): Promise<void>;
}
