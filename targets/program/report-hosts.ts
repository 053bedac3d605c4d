// What each node said last of its machine, in its own metrics: version, disk, and how its clock differs from this one's.

import type { Value } from '../../src/event/value.ts';
import type { Database } from './database.ts';
import { HOST_STREAM, HOST_TYPE } from './metrics.ts';

/** What one node said last. `offset`: its clock less this one's, ms; undefined where its live events do not tell. */
export interface HostSeen { body: Value; version: string | null; disk: { free: number; total: number } | null; samples: number[]; id: string }

/** Clocks that differ by less are taken for equal, ms: a live event is on its way for about as long. */
const EQUAL_MS = 2_000;
/** Live events by which a clock is judged to be behind: the first ones may have waited somewhere. */
const SAMPLES = 3;

/** The metrics of nodes, looked up one by one. */
export class Hosts {
  readonly #database: Pick<Database, 'latest'>;
  readonly #seen = new Map<string, HostSeen>();

  constructor(database: Pick<Database, 'latest'>) { this.#database = database; }

  of(id: string): HostSeen | undefined { return this.#seen.get(id); }

  /**
   * Looks at what a node said last under its name. `live`: when that came here, if it came without waiting (ms since 1970). What somebody else has said under this name says nothing of it.
   */
  async look(id: string, name: string, live: number | undefined): Promise<void> {
    const entry = await this.#database.latest(HOST_STREAM, name);
    if (entry === undefined || entry.type !== HOST_TYPE || entry.node !== id) return;
    const before = this.#seen.get(id), samples = live === undefined ? [] : before?.samples ?? [];
    if (before?.id === entry.id) return;
    if (live !== undefined) samples.push(entry.time - live);
    this.#seen.set(id, { body: entry.body, version: versionIn(entry.body), disk: diskIn(entry.body), samples: samples.slice(-SAMPLES), id: entry.id });
  }

  /** The clock of a node less this one's, ms, or null. What is on its way makes a clock seem slow, never fast. */
  offset(id: string): number | null {
    const samples = this.#seen.get(id)?.samples ?? [], most = Math.max(...samples);
    if (samples.length === 0 || Math.abs(most) < EQUAL_MS || (most < 0 && samples.length < SAMPLES)) return null;
    return most;
  }
}

function field(body: Value | undefined, name: string): Value | undefined {
  return body !== null && typeof body === 'object' && !Array.isArray(body) && !(body instanceof Uint8Array) && Object.hasOwn(body, name) ? body[name] : undefined;
}

/** Versions are short words: anything else is somebody's joke. */
function versionIn(body: Value): string | null {
  const version = field(body, 'version');
  return typeof version === 'string' && /^[\w.+-]{1,40}$/.test(version) ? version : null;
}

/** The disk as a host tells it. */
export function diskIn(body: Value): HostSeen['disk'] {
  const [free, total] = ['free', 'total'].map((name) => field(field(body, 'disk'), name));
  return typeof free === 'number' && typeof total === 'number' && free >= 0 && total > 0 && free <= total ? { free, total } : null;
}
