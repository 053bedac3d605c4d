// What each node said last of its machine, in its own metrics: version, disk, and how its clock differs from this one's.

import type { Value } from '../../src/event/value.ts';
import type { Database } from './database.ts';
import { HOST_STREAM, HOST_TYPE } from './metrics.ts';

/** What one node said last. `samples`: its clock less this one's, ms, as its last live events show it; `id`: of its last event. */
export interface HostSeen { version: string | null; disk: { free: number; total: number } | null; samples: readonly number[]; id: string }

/** No samples: of most nodes nothing comes live at the moment. */
const NONE: readonly number[] = [];

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
    const entry = await this.#database.latest(HOST_STREAM, name), before = this.#seen.get(id);
    if (entry === undefined || entry.type !== HOST_TYPE || entry.node !== id || before?.id === entry.id) return;
    const samples = live === undefined ? NONE : [...before?.samples ?? NONE, entry.time - live].slice(-SAMPLES);
    this.#seen.set(id, { version: versionIn(entry.body), disk: diskIn(entry.body), samples, id: entry.id });
  }

  /** The clock of a node less this one's, ms, or null. What is on its way makes a clock seem slow, never fast. */
  offset(id: string): number | null {
    const samples = this.#seen.get(id)?.samples ?? [], most = Math.max(...samples);
    if (samples.length === 0 || Math.abs(most) < EQUAL_MS || (most < 0 && samples.length < SAMPLES)) return null;
    return most;
  }
}

/** Events under a name that are looked through for those of one node. */
const LOOKED_THROUGH = 100;

/** The last metrics of a node, as it recorded them itself; null when there are none among the last ones under its name. */
export async function hostBody(database: Pick<Database, 'read'>, id: string, name: string): Promise<Value> {
  for await (const { node, body } of database.read(HOST_STREAM, { key: name, type: HOST_TYPE, reverse: true, limit: LOOKED_THROUGH })) if (node === id) return body;
  return null;
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
