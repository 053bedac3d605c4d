// What goes on beside the work: the lease is renewed, what others do is heard of, and a server that says nothing is given up.
import type { Line, Session } from './postgres-line.ts';
import { disconnectDead, endLeases, prune, renew, someoneDied, type Seat } from './postgres-slots.ts';

/** Milliseconds between looks at what others did, for what no notification told; and without an answer after which connections are given up. */
const LOOK_MS = 1_000, SILENT_MS = 30_000;

/** Milliseconds between measurements of the database. */
const MEASURE_MS = 60_000;

/** Watching, until `close`. */
export interface Watch {
  /** Bytes that Holdfast takes in the database, as measured last. */
  readonly bytes: number;
  /** Live processes, this one among them. */
  readonly processes: number;
  close(): void;
}

/** Bytes of all tables and indexes. */
export async function takenBytes(session: Session): Promise<number> {
  const [row] = await session.query<{ bytes: number }>(`SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes FROM pg_catalog.pg_class WHERE relnamespace = 'holdfast'::regnamespace AND relkind = 'r'`);
  return row!.bytes;
}

export interface WatchParts {
  line: Line;
  seat: Seat;
  /** Another process has this one's place, or the server lacks what was committed: the process is over. */
  lost(why: string): void;
  /** Others have committed, come, gone or died. */
  news(): void;
  /** The server has not answered for long. */
  silent(): void;
}

/** Watches on a line of its own. */
export function watch({ line, seat, lost, news, silent }: WatchParts): Watch {
  let closed = false, timer: NodeJS.Timeout | undefined, renewed = performance.now(), measured = -Infinity, looked = Date.now(), bytes = 0, others = '';

  async function look(session: Session): Promise<void> {
    const every = seat.leaseMs / 4, moment = Date.now();
    // This process, its machine or the database slept: so may others have, who now renew their leases as this one does.
    if (Math.abs(moment - looked) > seat.leaseMs / 2) seat.since = performance.now();
    looked = moment;
    if (performance.now() - renewed >= every) {
      if (!await renew(session, seat)) { lost('its lease was over, and another process took over'); return; }
      renewed = performance.now();
      await prune(session);
    }
    if (performance.now() - measured >= MEASURE_MS) {
      bytes = await takenBytes(session);
      measured = performance.now();
    }
    const { seen } = seat; // of before the question: commits of this process may end while the answer is on its way
    const [now] = await session.query<{ n: number; process: string | null; others: string | null; company: boolean }>(
      `SELECT n, process, (SELECT string_agg(slot || ':' || coalesce(encode(name, 'hex'), ''), ',' ORDER BY slot) FROM holdfast.process WHERE id <> $1 AND NOT fenced AND lease >= clock_timestamp()) AS others,
        EXISTS (SELECT FROM holdfast.process WHERE id <> $1) AS company FROM holdfast.step`, [seat.id]);
    if (now!.n < seen) { lost('the server that answers now lacks what was committed before'); return; }
    let dead = false;
    if (now!.company) {
      await endLeases(session, seat.id);
      dead = await someoneDied(session, seat);
      if (dead) await disconnectDead(session, seat);
    }
    const changed = (now!.others ?? '') !== others;
    others = now!.others ?? '';
    if (changed || dead || (now!.n > seat.seen && now!.process !== seat.id)) news();
  }

  async function round(): Promise<void> {
    const guard = setTimeout(silent, SILENT_MS);
    try {
      await line.use(look);
    } catch {
      // Lost connections are waited out below; what else is refused is met by whoever works, with better words.
    } finally {
      clearTimeout(guard);
    }
    if (!closed) timer = setTimeout(() => { void round(); }, Math.min(LOOK_MS, seat.leaseMs / 4));
  }

  void round();
  return {
    get bytes() { return bytes; },
    get processes() { return others === '' ? 1 : others.split(',').length + 1; },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
