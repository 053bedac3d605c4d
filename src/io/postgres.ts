// PostgreSQL as the store and the journal of a node that several processes may be at once. See POSTGRES.md.
import { statfs } from 'node:fs/promises';
import { Fault } from '../fault.ts';
import type { Bytes, Journal, Random, Shared, Store } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import { isHere, postgresAddress } from './postgres-address.ts';
import { isStarting, openLine, type Base, type Line, type Session } from './postgres-line.ts';
import { isLost, stateOf, storeFault, wordsOf } from './postgres-errors.ts';
import { journalOn } from './postgres-journal.ts';
import { makeReader, migrate } from './postgres-migrate.ts';
import { reads } from './postgres-reads.ts';
import { orphans, register, resign, siblings, uuidOf, type Seat } from './postgres-slots.ts';
import { documentOn, type Document } from './postgres-document.ts';
import { storeOn } from './postgres-store.ts';
import { lostPlace, turns } from './postgres-turn.ts';
import { takenBytes, watch } from './postgres-watch.ts';

export interface PostgresOptions {
  /** `postgres://…`, or keywords and values as libpq has them. */
  url: string;
  /** What this process calls itself at the server (default `holdfast`). */
  application?: string;
  random: Random;
  /** Told with words for people: the connection is lost, it is back, something an administrator should do. */
  notice(text: string): void;
  /** Told once when this process has lost its place, or its closing was given up: nothing more can be done here. */
  failed?(fault: Fault): void;
  /** Milliseconds that the place of a process is kept when nothing is heard of it (default 20,000). */
  leaseMs?: number;
}

/** A name and a state (`member`, `revoked`) of a node in the fleet, for people who ask in SQL. */
export interface Member { node: Bytes; name: string; state: string }

/** How the database is: PostgreSQL's version, the bytes that the node takes there, whether it answers; this process's slot, how many processes there are; how long the last wait for a turn was, and how many turns there were. */
export interface Health { version: string; bytes: number; connected: boolean; slot: number; processes: number; turnMs: number; turns: number }

/** What of a node PostgreSQL holds. The connections end when both the store and the journal are closed. */
export interface Postgres {
  store: Store & { shared: Shared };
  journal: Journal;
  /** One small document of bytes by name, durable. */
  document(name: string): Document;
  /** As it was known last. */
  health(): Health;
  /** A query in a read-only transaction of 10 s at most (or `most` milliseconds); rows as objects, times as Date (±Infinity where PostgreSQL has it). Faults: `bad-argument` (what PostgreSQL refuses), `timeout`, `closed`, `link-failed` (cannot be reached now). */
  query(sql: string, values: unknown[], most?: number): Promise<Record<string, unknown>[]>;
  /** Deletes all rows of a stream from what SQL shows: they are to be told anew. */
  forget(stream: string): Promise<void>;
  /** Replaces what SQL shows of the fleet's nodes. */
  members(rows: readonly Member[]): Promise<void>;
}

/** Milliseconds that closing waits for the database, when it is away and when it is slow; and that a query may take. */
const CLOSE_AWAY_MS = 3_000, CLOSE_MS = 60_000, QUERY_MS = 10_000;
/** Milliseconds that opening waits for a server that is starting. */
const STARTING_MS = 60_000;

function unreachable(error: unknown): Fault {
  const state = stateOf(error), words = wordsOf(error);
  const what = state === 'ECONNREFUSED' || state === 'ENOENT' ? 'Start it, or correct the address' : /^28/.test(state) ? 'Correct user and password' : state === '3D000' ? 'Make the database first: CREATE DATABASE … ENCODING \'UTF8\'' : 'Check address, network and the server\'s log';
  return new Fault('link-failed', `PostgreSQL cannot be reached (${words}). ${what}.`, { cause: error });
}

/** Runs what comes first, when a database that cannot be reached is an answer and not a delay, unless it is only starting. */
async function first<T>(base: Base, line: Line, work: (session: Session) => Promise<T>): Promise<T> {
  for (const end = performance.now() + STARTING_MS; ;) {
    try {
      return await line.use(work);
    } catch (error) {
      const over = !isStarting(error) || performance.now() > end;
      if (over) for (const each of base.lines) each.close();
      if (error instanceof Fault) throw error;
      if (!isLost(error)) throw storeFault(error, 'the opening of the store');
      if (over) throw unreachable(error);
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
  }
}

/**
 * Opens the database: brings the schema up to date and takes a slot. Faults: `bad-url`, `link-failed` (cannot be reached), `bad-config` (below PostgreSQL 14, not UTF8, no right to make the schema), `unsupported` (the schema of a later release),
 * `too-many` (no slot is free), `store-failed`.
 */
export async function openPostgres(options: PostgresOptions): Promise<Postgres> {
  const { random, notice, leaseMs = 20_000, application = 'holdfast' } = options, id = uuidOf(random.bytes(16));
  const known: { seat?: Seat } = {};
  let away = false;
  const base: Base = {
    config: { ...postgresAddress(options.url), application_name: `${application.slice(0, 24)} ${id}` }, starting: true, failure: undefined, lines: new Set(), waiting: new Set(),
    outage(words) {
      if ((words !== undefined) === away) return;
      away = words !== undefined;
      if (known.seat) known.seat.since = performance.now();
      if (!base.failure) notice(away ? `PostgreSQL is away (${words}); nothing that was acknowledged is lost, and work goes on when it is back.` : 'PostgreSQL is back.');
    },
  };
  let onNews = (): void => undefined, me = '', notify = true;
  const watchLine = openLine(base, {
    async begin(session) {
      // Some engines that are otherwise like PostgreSQL have no notifications.
      if (notify) await session.query('LISTEN holdfast').catch((error: unknown) => { if (isLost(error)) throw error; notify = false; });
    },
    onNotification: (_, process) => { if (process !== me) onNews(); },
  });
  const { seat, version, folder } = await first(base, watchLine, async (session) => {
    await migrate(session);
    const sql = await makeReader(session);
    if (sql !== undefined) notice(`There is no role that may only read, and this user may not make it. An administrator may say:\n${sql}`);
    const [facts] = await session.query<{ fsync: boolean; version: string; folder: string | null }>(
      `SELECT current_setting('fsync') = 'on' AS fsync, current_setting('server_version') AS version, (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory' AND (inet_server_addr() IS NULL OR inet_server_addr() << '127.0.0.0/8' OR inet_server_addr() = '::1')) AS folder`);
    if (!facts!.fsync) notice('This PostgreSQL runs with fsync = off: what it acknowledges does not outlive a power cut. Turn it on.');
    return { ...facts!, seat: await register(session, id, leaseMs, application) };
  });
  base.starting = false;
  known.seat = seat;
  me = seat.id;

  function fail(fault: Fault): Fault {
    if (base.failure === undefined) options.failed?.(fault);
    base.failure ??= fault;
    for (const wake of base.waiting) wake();
    watching.close();
    return base.failure;
  }

  const turnLine = openLine(base, { settings: { idle_in_transaction_session_timeout: String(Math.ceil(leaseMs / 2)) } });
  const [commitLine, journalLine, askLine, otherLine] = [openLine(base), openLine(base), openLine(base), openLine(base)];
  const readLines = [openLine(base), openLine(base)];
  const turn = turns(turnLine, seat, leaseMs / 8, fail);
  const writing = storeOn({ line: commitLine, reads: reads(readLines), seat, turns: turn, fail, notify });
  const watching = watch({ line: watchLine, seat, lost: (why) => { fail(lostPlace(why)); }, news: () => onNews(), silent: () => { for (const line of base.lines) line.sever(); } });

  let open = 2, storeClosed: Promise<void> | undefined;

  /** Gives up on what waits when the database stays away. */
  async function bounded(work: Promise<unknown>): Promise<void> {
    const start = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - start < (away ? CLOSE_AWAY_MS : CLOSE_MS)) return;
      fail(new Fault('closed', 'The store on PostgreSQL was closed while the database was away; what was not acknowledged may have been kept or not.'));
      for (const line of base.lines) line.sever();
    }, 100);
    try { await work; } finally { clearInterval(timer); }
  }

  /** When both are closed the slot is given back, if the database is there. */
  async function partClosed(): Promise<void> {
    if (--open > 0) return;
    watching.close();
    if (!base.failure) await bounded(watchLine.use((session) => resign(session, seat)).catch(() => undefined));
    for (const line of base.lines) line.close();
  }

  const check = (): void => {
    if (base.failure) throw base.failure;
    if (storeClosed) throw new Fault('closed', 'The store on PostgreSQL is closed.');
  };
  const shared: Shared = {
    slot: seat.slot,
    async enter() { check(); return turn.enter(); },
    leave: () => turn.leave(),
    async orphans() { check(); return orphans(commitLine, seat, writing.alone); },
    async siblings() { check(); return otherLine.use((session) => siblings(session, seat)); },
    async announce(name) {
      check();
      await otherLine.use(async (session) => {
        const changed = await session.query('UPDATE holdfast.process SET name = $1 WHERE slot = $2 AND id = $3 AND name IS DISTINCT FROM $1 RETURNING slot', [Buffer.from(name), seat.slot, seat.id]);
        if (notify && changed.length > 0) await session.query(`SELECT pg_notify('holdfast', $1)`, [seat.id]);
      });
    },
    get onNews() { return onNews; },
    set onNews(hear) { onNews = hear; },
  };

  return {
    store: {
      manifest: { name: 'postgres', durable: true },
      shared,
      async get(table, key) { check(); return writing.get(table, key); },
      async scan(table, range) { check(); return writing.scan(table, range); },
      async commit(ops, shift) { check(); return writing.commit(ops, shift); },
      async space() {
        check();
        const used = await otherLine.use(takenBytes).catch((error: unknown) => { throw storeFault(error, 'measuring the store'); });
        // SQL does not tell what is left; a folder of this machine does, if it is the server's.
        const room = folder === null || !isHere(base.config) ? undefined : await statfs(folder).catch(() => undefined);
        return { used, free: room ? room.bavail * room.bsize : Number.MAX_SAFE_INTEGER };
      },
      close: () => storeClosed ??= bounded(writing.idle()).then(partClosed),
    },
    journal: journalOn(journalLine, seat, fail, bounded, partClosed),
    document: (name) => documentOn(otherLine, name),
    health: () => ({ version, bytes: watching.bytes, connected: !away && !base.failure, slot: seat.slot, processes: watching.processes, turnMs: turn.waited, turns: turn.count }),
    async query(sql, values, most = QUERY_MS) {
      if (base.failure) throw base.failure;
      if (away) throw new Fault('link-failed', 'PostgreSQL is away; ask again when it is back.');
      return askLine.use(async (session) => {
        await session.query('BEGIN READ ONLY');
        try {
          await session.query(`SET LOCAL statement_timeout = ${most}`);
          return await session.ask(sql, values);
        } catch (error) {
          if (stateOf(error) === '57014') throw new Fault('timeout', `The query took longer than ${most / 1_000} s.`, { cause: error });
          throw isLost(error) && stateOf(error) !== '25006' ? error : new Fault('bad-argument', `PostgreSQL refuses the query: ${wordsOf(error)}.`, { cause: error });
        } finally {
          if (session.alive) await session.query('ROLLBACK').catch(() => undefined);
        }
      });
    },
    async forget(stream) {
      check();
      await otherLine.use(async (session) => {
        await session.query('BEGIN');
        await session.query('DELETE FROM holdfast.event WHERE stream = $1', [stream]);
        await session.query('DELETE FROM holdfast.tally WHERE stream = $1', [stream]);
        await session.query('COMMIT');
      }).catch((error: unknown) => { throw storeFault(error, 'deleting rows'); });
    },
    async members(rows) {
      check();
      await otherLine.use((session) => session.query(
        `WITH kept AS (INSERT INTO holdfast.member AS m (node, name, state) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT (node) DO UPDATE SET name = excluded.name, state = excluded.state WHERE (m.name, m.state) <> (excluded.name, excluded.state))
         DELETE FROM holdfast.member WHERE node <> ALL ($1::text[])`, [rows.map(({ node }) => hex(node)), rows.map(({ name }) => name), rows.map(({ state }) => state)])).catch((error: unknown) => { throw storeFault(error, 'writing the members'); });
    },
  };
}
