// What the HTTP API is made of: the database that it serves, and what its target hands it besides.

import type { HttpBindings } from '@hono/node-server';
import type { Database } from '../program/database.ts';
import type { Hub } from '../program/http-hub.ts';
import type { Bearer } from '../program/http-tokens.ts';
import type { Rates } from './rates.ts';
import type { Reports } from './reports.ts';

/** One file of the page, as it is served: `gzip` and `brotli` are the same bytes packed beforehand. */
export interface Asset { type: string; bytes: Uint8Array; etag: string; gzip?: Uint8Array; brotli?: Uint8Array }

/** What became of what was posted to an input: its readings counted, and why the first of those were refused that were, by their number from 0. */
export interface Posted { accepted: number; refused: number; reasons: { index: number; code: string; reason: string }[] }

/** Hands what was posted to the input of that name. Faults: `not-found`, `unsupported`, `bad-encoding`, those of the database. */
export type Post = (name: string, contentType: string, body: Uint8Array) => Promise<Posted>;

/** Everything that the routes use. */
export interface ApiContext {
  database: Database;
  version: string;
  /** What the node shows besides. */
  hub: () => Promise<Hub>;
  /** The node's own token, which may do everything. */
  token: string;
  /** What the page is about. */
  view: 'node' | 'fleet';
  /** Names besides loopback's that requests may call this machine, lower case, without port. */
  names: readonly string[];
  /** The page's files by their path, `/` among them; undefined when there is no page. */
  assets: ReadonlyMap<string, Asset> | undefined;
  post: Post | undefined;
  rates: Rates;
  reports: Reports;
  /** Aborts when the server stops: what goes on for ever ends then. */
  stopping: AbortSignal;
}

/** What Hono knows of a request here: Node's own objects, and whose token it bears. */
export interface Surroundings { Bindings: HttpBindings; Variables: { bearer: Bearer } }
