// A connection to PostgreSQL that comes back: made again when it is lost, with the settings that every session needs.
import { Client, types, type ClientConfig, type QueryConfig } from 'pg';
import { Fault } from '../fault.ts';
import { Batch, type Answer, type Step } from './postgres-batch.ts';
import { isLost, isPassing, stateOf, wordsOf } from './postgres-errors.ts';

/** Milliseconds between attempts to connect: at first, and at most. */
const DELAY_MS = 50, DELAY_MOST_MS = 2_000;
/** Milliseconds that connecting may take. */
const CONNECT_MS = 10_000;

/** One connection while it lasts. */
export interface Session {
  readonly alive: boolean;
  /** A query with its rows as objects. `name`: it is planned once a connection. */
  query<R = Record<string, unknown>>(text: string, values?: unknown[], name?: string): Promise<R[]>;
  /** One statement, whatever the text says: several are refused. */
  ask<R = Record<string, unknown>>(text: string, values: unknown[]): Promise<R[]>;
  /** Statements in one round trip; after an error the transaction, if one is open, is rolled back. */
  batch(steps: readonly Step[]): Promise<Answer[]>;
}

/** What the connections of one process have in common. */
export interface Base {
  readonly config: ClientConfig;
  /** As long as this is set a database that cannot be reached is an answer: errors of connections are thrown as they are. */
  starting: boolean;
  /** Set when nothing more may be done: every call fails with it. */
  failure: Fault | undefined;
  /** Told with words when the database goes, with undefined when it is back. */
  outage(words: string | undefined): void;
  readonly lines: Set<Line>;
  /** Those who wait for the database; called when there is no more use in waiting. */
  readonly waiting: Set<() => void>;
}

/** A place for one connection. */
export interface Line {
  /** Runs work on the connection, one after the other. When the connection is lost the work is run again on the next: it must bear that. Faults: `closed`, what `failure` is, and what the work throws. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Ends the connection at once; the next use makes another. */
  sever(): void;
  /** Refuses further use and ends the connection. */
  close(): void;
}

export interface LineOptions {
  /** Settings of the session besides those that all have; those that the server does not know are left out. */
  settings?: Record<string, string>;
  /** Run on each new connection. */
  begin?(session: Session): Promise<void>;
  onNotification?: (channel: string, payload: string) => void;
}

const SETTINGS: Record<string, string> = {
  statement_timeout: '0', lock_timeout: '0', transaction_timeout: '0', idle_session_timeout: '0', idle_in_transaction_session_timeout: '0', jit: 'off', TimeZone: 'UTC', DateStyle: 'ISO, MDY', IntervalStyle: 'postgres',
  bytea_output: 'hex', extra_float_digits: '1', client_min_messages: 'warning', tcp_keepalives_idle: '15', tcp_keepalives_interval: '5', tcp_keepalives_count: '3', default_transaction_isolation: 'read committed',
};

/** Sets what the server knows of some settings; `synchronous_commit` only where it is off: it may well be stronger. */
async function settle(client: Client, settings: Record<string, string>): Promise<void> {
  const names = Object.keys(settings);
  await client.query(`SELECT set_config(s.name, w.value, false) FROM unnest($1::text[], $2::text[]) AS w (name, value) JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(w.name)
    UNION ALL SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`, [names, names.map((name) => settings[name])]);
}

/** How values are read: counts and numbers of steps, all of them below 2^53, as numbers. */
const TYPES = { getTypeParser: ((oid: number, format?: 'text' | 'binary') => oid === 20 ? Number : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser };

/** Connects once. Throws what pg throws. */
export async function connect(config: ClientConfig, options: LineOptions = {}): Promise<Session & { end(): void; client: Client }> {
  const client = new Client({ ...config, types: TYPES, keepAlive: true, keepAliveInitialDelayMillis: 10_000, connectionTimeoutMillis: CONNECT_MS });
  const prepared = new Set<string>();
  let alive = true;
  const gone = (): void => { alive = false; };
  client.on('error', gone);
  client.on('end', gone);
  client.on('notification', ({ channel, payload }) => options.onNotification?.(channel, payload ?? ''));
  const session = {
    client,
    get alive() { return alive; },
    async query<R>(text: string, values?: unknown[], name?: string) { return (await (name === undefined ? client.query(text, values) : client.query({ name, text, values: values ?? [] }))).rows as R[]; },
    async ask<R>(text: string, values: unknown[]) { return (await client.query({ text, values, queryMode: 'extended' } as QueryConfig)).rows as R[]; },
    async batch(steps: readonly Step[]) {
      const batch = new Batch(steps, prepared);
      client.query(batch);
      try {
        return await batch.done;
      } catch (error) {
        if (alive && !isLost(error)) await client.query('ROLLBACK; DEALLOCATE ALL').catch(gone);
        else gone();
        throw error;
      }
    },
    end(): void {
      alive = false;
      client.end().catch(() => undefined);
      // A server that does not answer would keep the socket for minutes.
      setTimeout(() => (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy(), 1_000).unref();
    },
  };
  try {
    await client.connect();
    // First of all: what roles and databases may have set would decide whose functions and operators are meant.
    await client.query('SET search_path = pg_catalog, pg_temp');
    await settle(client, { ...SETTINGS, ...options.settings });
    await options.begin?.(session);
    return session;
  } catch (error) {
    session.end();
    throw error;
  }
}

/** A line of a base; it connects when it is first used. */
export function openLine(base: Base, options: LineOptions = {}): Line {
  let session: Awaited<ReturnType<typeof connect>> | undefined, closed = false, last: Promise<unknown> = Promise.resolve();

  function check(): void {
    if (base.failure) throw base.failure;
    if (closed) throw new Fault('closed', 'The store on PostgreSQL is closed.');
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => { clearTimeout(timer); base.waiting.delete(end); resolve(); };
      const timer = setTimeout(end, ms);
      base.waiting.add(end);
    });
  }

  async function current(): Promise<Session> {
    for (let delay = DELAY_MS; ; delay = Math.min(DELAY_MOST_MS, delay * 2)) {
      check();
      if (session?.alive) return session;
      session?.end();
      try {
        session = await connect(base.config, options);
        base.outage(undefined);
        check();
        return session;
      } catch (error) {
        if (error instanceof Fault || base.starting) throw error;
        base.outage(wordsOf(error));
        await pause(delay);
      }
    }
  }

  async function run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let delay = DELAY_MS; ; delay = Math.min(DELAY_MOST_MS, delay * 2)) {
      const mine = await current();
      try {
        return await work(mine);
      } catch (error) {
        if (base.failure) throw base.failure;
        if (isLost(error)) {
          session?.end();
          session = undefined;
          if (base.starting) throw error;
          check();
          base.outage(wordsOf(error));
        } else if (!isPassing(error)) throw error;
        await pause(delay);
      }
    }
  }

  const line: Line = {
    use(work) {
      const mine = last.then(() => run(work));
      last = mine.catch(() => undefined);
      return mine;
    },
    sever() { session?.client.emit('error', new Error('given up: no answer')); session?.end(); },
    close() {
      closed = true;
      session?.end();
      for (const wake of base.waiting) wake();
    },
  };
  base.lines.add(line);
  return line;
}

/** Whether an error of connecting says that the server is only starting. */
export function isStarting(error: unknown): boolean {
  return stateOf(error) === '57P03';
}
