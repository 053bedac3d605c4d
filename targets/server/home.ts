// A server's node: store and journal in PostgreSQL, which the node runs itself where no database is named; what is this process's own lies in its data directory.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../src/fault.ts';
import { systemClock } from '../../src/io/clock.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { keyFile } from '../../src/io/key-file.ts';
import { lock } from '../../src/io/lock.ts';
import { openEmbedded, type Embedded } from '../../src/io/postgres-embedded.ts';
import { openPostgres, type Postgres } from '../../src/io/postgres.ts';
import type { Node } from '../../src/node.ts';
import { bytesUnder } from '../program/folder-size.ts';
import { CLOCKS, KEY_FILE } from '../program/home.ts';
import type { Home, Opening } from '../program/medium.ts';
import { CONFIG_FILE } from '../program/settings.ts';
import { CLAIM, claiming, keepClaim } from './claim.ts';
import { KEYS, learntKeys } from './learnt-keys.ts';
import type { Place } from './medium.ts';
import { sealedTokens, TOKENS } from './sealed-tokens.ts';
import { shownDatabase } from './shown-database.ts';

/** The folder of a database of its own. */
export const POSTGRES = 'postgres';

/** Opens a process of a server. Faults: those of `Medium.open`, `fleet-exists` (the database is another node's), `unsupported` (PostgreSQL is too old, or cannot be run here). */
export async function openPostgresHome(dir: string, place: Place, options: Opening): Promise<Home> {
  makeDirectory(dir);
  const held = await lock(dir).catch((error: unknown) => {
    if (!(error instanceof Fault) || error.code !== 'store-locked') throw error;
    throw new Fault('store-locked', `${error.message} One more process of this server takes a directory of its own (--dir), the same key (--key-file ${place.keyFile ?? join(dir, KEY_FILE)}) and the same database (DATABASE_URL${place.database === undefined ? ', as `holdfast status` shows it' : ''}).`, { cause: error });
  });
  const notice = options.notice ?? (() => {});
  let embedded: Embedded | undefined, postgres: Postgres | undefined;
  const end = async (): Promise<void> => {
    await embedded?.stop();
    await held.release();
  };
  try {
    refuseOther(dir, place);
    embedded = place.database === undefined ? await openEmbedded({ folder: join(dir, POSTGRES), binaries: dirname(dirname(fileURLToPath(import.meta.resolve('#postgres/bin/postgres')))), notice }) : undefined;
    const url = embedded?.url ?? place.database!, shown = shownDatabase(url), random = createRandom(), crypto = createCrypto();
    const database = postgres = await openPostgres({ url, random, notice, failed: (fault) => { if (fault.code !== 'closed') options.fatal?.(fault); } });
    if (place.database !== undefined) noteDatabase(dir, shown);
    const { store, journal } = database, file = options.keys ?? keyFile(place.keyFile ?? join(dir, KEY_FILE));
    const claim = database.document(CLAIM), learnt = learntKeys(file, database.document(KEYS), { crypto, random });
    const keys = options.create === true ? await claiming(claim, store, crypto, learnt, shown) : learnt;
    if (options.create !== true) await keepClaim(claim, crypto, learnt, shown);
    const clock = systemClock(CLOCKS[options.clock ?? 'auto']);
    return {
      parts: { store, journal, clock, random, crypto, keys }, clock, damage: [], tokens: sealedTokens(database.document(TOKENS), learnt, crypto),
      check: async (node, mend) => (await import('./rows.ts')).checkRows(node, database, mend),
      async size() {
        return { used: embedded === undefined ? (await store.space()).used : await bytesUnder(dir), journal: journal.size };
      },
      database() {
        const health = database.health();
        return { place: shown, embedded: embedded !== undefined, ...health, ...(!health.connected && embedded?.full === true && { full: true }) };
      },
      backUp: async (node, wish, progress) => (await import('./backup.ts')).backUp({ dir, node, keys, url }, wish, progress),
      opened: (node) => nameMembers(node, database),
      // The medium is somewhere else, and may be away for a while: only this process itself is at stake.
      beat: () => Promise.resolve(),
      async abandon() {
        await journal.close().catch(() => {});
        await store.close().catch(() => {});
        await end();
      },
      unlock: end,
    };
  } catch (error) {
    await postgres?.journal.close().catch(() => {});
    await postgres?.store.close().catch(() => {});
    await end();
    throw error;
  }
}

/** Where the database of a directory was last, if it was not one of its own. */
const ELSEWHERE = 'database-url';

/** Somebody who forgets to say where the database is must not get an empty one. Fault `bad-config`. */
function refuseOther(dir: string, place: Place): void {
  const own = existsSync(join(dir, POSTGRES)), note = join(dir, ELSEWHERE);
  if (place.database === undefined && !own && existsSync(note)) {
    throw new Fault('bad-config', `The database of ${dir} was at ${readFileSync(note, 'utf8').trim()}, and none is named now: say so by DATABASE_URL, --database, or database = "…" in ${join(dir, CONFIG_FILE)}. Remove ${note} if this directory is to have a database of its own.`);
  }
  if (place.database !== undefined && own) {
    throw new Fault('bad-config', `${dir} has a database of its own in ${join(dir, POSTGRES)}, and another one is named. To move it there: \`holdfast backup\` with the one, \`holdfast recover\` into a new directory with the other. Move ${join(dir, POSTGRES)} away if it is not needed any more.`);
  }
}

function noteDatabase(dir: string, shown: string): void {
  try {
    writeFileSync(join(dir, ELSEWHERE), `${shown}\n`, { mode: 0o600 });
  } catch {
    // A directory that is read-only, or full: nothing depends on it.
  }
}

/** What a process keeps for itself (its control socket, what inputs have read) needs a place wherever its key is. */
function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Fault('bad-argument', `The directory ${dir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/** Milliseconds, for each member and at most, between two writings of the names of members: a large fleet that joins changes all the time. */
const NAME_MS = 1, NAMES_MS = 5_000;

/** Keeps the names of members where SQL finds them. */
function nameMembers(node: Node, database: Pick<Postgres, 'members'>): void {
  let writing = false, again = false;
  const write = (): void => {
    again = writing;
    if (writing) return;
    writing = true;
    const members = node.desk.membership.members().map(({ node: id, name, state }) => ({ node: id, name, state: state === 'live' ? 'member' as const : 'revoked' as const }));
    // Whoever opens the node next writes them again.
    database.members(members).catch(() => {}).finally(() => {
      setTimeout(() => {
        writing = false;
        if (again && !node.closing) write();
      }, Math.min(NAMES_MS, members.length * NAME_MS)).unref();
    });
  };
  node.parts.add({
    tick: () => undefined, close: () => {},
    changed({ added, removed }) {
      if ([...added, ...removed].some(({ stream }) => stream === '$fleet')) write();
    },
  });
  write();
}
