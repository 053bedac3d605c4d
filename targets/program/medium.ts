// What a node keeps its data in: the contract between the program and its targets (LMDB at the edge, PostgreSQL on a server).

import type { systemClock } from '../../src/io/clock.ts';
import type { KeyFile, NodeOptions } from '../../src/node-options.ts';
import type { Node } from '../../src/node.ts';
import type { BackupMade, DatabaseState } from './database.ts';
import type { TokenDocument } from './http-tokens.ts';
import type { Settings } from './settings.ts';

/** How a home is opened. */
export interface Opening {
  /** For a node that is not there yet: its directory is made if it is missing. */
  create?: boolean;
  /** The key of a node that is being made, where it does not lie in its usual place yet. */
  keys?: KeyFile;
  clock?: Settings['clock'];
  /** The medium is lost for good: the process must end. */
  fatal?(error: unknown): void;
  /** Something worth a line, such as that the database is waited for. */
  notice?(text: string): void;
}

/** The parts of a node, open and locked. A node that was made of them closes store and journal itself; `unlock` comes after that. */
export interface Home {
  parts: Pick<NodeOptions, 'store' | 'journal' | 'clock' | 'random' | 'crypto' | 'keys'>;
  clock: ReturnType<typeof systemClock>;
  /** What is known to be damaged, in words. */
  readonly damage: readonly string[];
  /** Looks at all of the medium; returns what is damaged, in words. `mend`: what can be made anew from the node's segments is, first. */
  check(node: Node, mend: boolean): Promise<readonly string[]>;
  /** Bytes that the node takes on its medium, and those of its journal among them. */
  size(): Promise<{ used: number; journal: number }>;
  /** Where the tokens of the HTTP API are kept, where that is not a file of the data directory. */
  readonly tokens?: TokenDocument;
  /** How the database is; undefined where there is none beside the node itself. */
  database?(): DatabaseState;
  /** Copies the node, open as `node`, into a new folder or .tar file. Faults: `bad-argument`, `carrier-full`, `carrier-failed`. */
  backUp(node: Node, wish: { target: string; withoutKey?: boolean }, progress: (bytes: number, events: number) => void): Promise<BackupMade>;
  /** Told once when a node was made of the parts, and is open. */
  opened?(node: Node): void;
  /** Resolves when the medium has taken a flush: what a watchdog may be told by. */
  beat(): Promise<void>;
  /** Closes what is open when no node was made of it. */
  abandon(): Promise<void>;
  unlock(): Promise<void>;
}

/** Where a target keeps nodes. */
export interface Medium {
  /** The path of the key of the node in a directory: who has it is that node. */
  keyPath(dir: string): string;
  /** Locks and opens a directory. Faults: `store-locked`, `store-damaged`, `store-failed`, `bad-argument` (no directory, no permission). */
  open(dir: string, options: Opening): Promise<Home>;
}
