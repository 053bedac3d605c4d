// The slots of the processes that share a database: taking one, keeping it, taking over what a dead process left.
import { Fault } from '../fault.ts';
import type { Bytes, Orphan } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import { isPassed, storeFault } from './postgres-errors.ts';
import type { Line, Session } from './postgres-line.ts';
import { isOver, processMark } from './process-mark.ts';

/** Slots that there are. */
const SLOTS = 65_536;

/** This process as the database knows it. */
export interface Seat {
  readonly slot: number;
  /** A uuid. */
  readonly id: string;
  readonly leaseMs: number;
  /** The number of the last commit that this process knows of. */
  seen: number;
  /** By `performance.now()`, since when the database has answered without a break: those whose lease is over get some of that time to renew it. */
  since: number;
}

/** How long the living may be silent after an outage: a part of a lease, and at least this many ms, twice the longest pause between attempts to connect. */
const GRACE = 1 / 4, GRACE_MS = 4_000;

/** SQL for processes that are dead, as process $1 may judge: their lease is over, and they had time to renew it ($2 says so) or are known to be over. */
const DEAD = `id <> $1 AND NOT fenced AND lease < clock_timestamp() AND ($2 OR lease = '-infinity')`;

/** Whether the others had time to renew their leases since the database began to answer. */
function patient(seat: Seat): boolean {
  return performance.now() - seat.since >= Math.max(seat.leaseMs * GRACE, GRACE_MS);
}

/** Whether there is a dead process, or what one has left. */
export async function someoneDied(session: Session, seat: Seat): Promise<boolean> {
  const [found] = await session.query<{ dead: boolean }>(`SELECT EXISTS (SELECT FROM holdfast.process WHERE (${DEAD}) OR (fenced AND id <> $1)) AS dead`, [seat.id, patient(seat)]);
  return found!.dead;
}

/** 16 bytes as a uuid. */
export function uuidOf(bytes: Bytes): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A lease from now on, by the database's clock; $1 are its milliseconds. */
const LEASE = `clock_timestamp() + $1 * interval '1 millisecond'`;

/** Takes the lowest free slot. Rows of processes whose lease is over and that left no journal go. Fault `too-many`: there is none. */
export async function register(session: Session, uuid: string, leaseMs: number, application: string): Promise<Seat> {
  // After a lost connection this may be the second attempt.
  const [mine] = await session.query<{ slot: number; since: number }>('SELECT slot, since FROM holdfast.process WHERE id = $1 AND NOT fenced', [uuid]);
  if (mine) return { slot: mine.slot, id: uuid, leaseMs, seen: mine.since, since: performance.now() };
  await session.query('BEGIN');
  try {
    // In a turn, so that no other process has its own upset. Everything is done under the lock of `step`: a commit either sees this process or was over before.
    await session.query('SELECT FROM holdfast.turn FOR UPDATE');
    const [step] = await session.query<{ n: number }>('UPDATE holdfast.step SET n = n + 1, process = $1 RETURNING n', [uuid]);
    await endLeases(session, uuid);
    // Those that were not heard of for another whole lease: after an outage the living renew theirs first.
    await session.query(`UPDATE holdfast.process p SET fenced = true WHERE lease < clock_timestamp() - $1 * interval '1 millisecond' AND NOT fenced AND NOT EXISTS (SELECT FROM holdfast.journal j WHERE j.process = p.id)`, [leaseMs]);
    // Fencing waited for appends under way: whoever has a journal by now is an orphan.
    await session.query('WITH gone AS (DELETE FROM holdfast.process p WHERE fenced AND NOT EXISTS (SELECT FROM holdfast.journal j WHERE j.process = p.id) RETURNING id) DELETE FROM holdfast.made WHERE process IN (SELECT id FROM gone)');
    const [free] = await session.query<{ slot: number | null }>(
      `SELECT min(s) AS slot FROM (SELECT 0 AS s UNION ALL SELECT slot + 1 FROM holdfast.process) c WHERE NOT EXISTS (SELECT FROM holdfast.process WHERE slot = s) AND s < ${SLOTS}`);
    const slot = free!.slot;
    if (slot === null) throw new Fault('too-many', `All ${SLOTS} slots of this database are taken. Stop processes of this server, or wait until their leases are over.`);
    await session.query(`INSERT INTO holdfast.process (slot, id, since, seen, lease, application, mark) VALUES ($2, $3, $4, $4, ${LEASE}, $5, $6)`, [leaseMs, slot, uuid, step!.n, application.slice(0, 200), processMark()]);
    await session.query('INSERT INTO holdfast.made (process, n) VALUES ($1, $2)', [uuid, step!.n]);
    await session.query(`INSERT INTO holdfast.news (n, process, changed, moved) SELECT $1::bigint, $2::uuid, '', '' WHERE EXISTS (SELECT FROM holdfast.process WHERE id <> $2::uuid AND NOT fenced)`, [step!.n, uuid]);
    await session.query('COMMIT');
    return { slot, id: uuid, leaseMs, seen: step!.n, since: performance.now() };
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Ends the leases of processes that were on this machine and are over: nobody has to wait for them. */
export async function endLeases(session: Session, own: string): Promise<void> {
  const rows = await session.query<{ id: string; mark: string }>(`SELECT id, mark FROM holdfast.process WHERE id <> $1 AND NOT fenced AND lease > '-infinity'`, [own]);
  const over = rows.filter(({ mark }) => isOver(mark)).map(({ id }) => id);
  if (over.length > 0) await session.query(`UPDATE holdfast.process SET lease = '-infinity' WHERE id = ANY($1::uuid[])`, [over]);
}

/** Renews the lease and says what was seen; false when another process has taken over. */
export async function renew(session: Session, seat: Seat): Promise<boolean> {
  const rows = await session.query(`UPDATE holdfast.process SET lease = ${LEASE}, seen = greatest(seen, $4) WHERE slot = $2 AND id = $3 AND NOT fenced RETURNING slot`, [seat.leaseMs, seat.slot, seat.id, seat.seen]);
  return rows.length > 0;
}

/** Deletes news that every process has seen. */
export async function prune(session: Session): Promise<void> {
  await session.query('DELETE FROM holdfast.news WHERE n <= (SELECT min(seen) FROM holdfast.process WHERE NOT fenced)');
}

/** Gives the slot back: at once when nothing is in the journal, otherwise its lease is over and another process takes over. */
export async function resign(session: Session, seat: Seat): Promise<void> {
  await session.query(`UPDATE holdfast.process SET lease = '-infinity', fenced = true WHERE slot = $1 AND id = $2`, [seat.slot, seat.id]);
  await remove(session, seat.slot, seat.id);
}

/** Removes a fenced process that has no journal left. */
async function remove(session: Session, slot: number, id: string): Promise<void> {
  await session.query('DELETE FROM holdfast.process p WHERE slot = $1 AND id = $2 AND fenced AND NOT EXISTS (SELECT FROM holdfast.journal j WHERE j.process = p.id)', [slot, id]);
  await session.query('DELETE FROM holdfast.made WHERE process = $1 AND NOT EXISTS (SELECT FROM holdfast.process WHERE id = $1)', [id]);
}

/** Names under which the other live processes let themselves be known. */
export async function siblings(session: Session, seat: Seat): Promise<Bytes[]> {
  const rows = await session.query<{ name: Bytes }>('SELECT name FROM holdfast.process WHERE id <> $1 AND NOT fenced AND lease >= clock_timestamp() AND name IS NOT NULL ORDER BY slot', [seat.id]);
  return rows.map(({ name }) => new Uint8Array(name));
}

/**
 * Ends connections of processes whose lease is over: one that was stopped in the middle of a commit would hold its locks for ever. Only where the server lets this user; whoever is alive connects again.
 */
export async function disconnectDead(session: Session, seat: Seat): Promise<void> {
  await session.query(`SELECT pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a JOIN holdfast.process p ON right(a.application_name, 36) = p.id::text
    WHERE p.id IN (SELECT id FROM holdfast.process WHERE ${DEAD}) AND a.datname = current_database() AND a.usename = current_user`, [seat.id, patient(seat)]).catch(() => undefined);
}

/**
 * Fences the processes whose lease is over, as a step of its own; no commit of this process may be under way. Fault `busy`: others have committed since the last turn.
 */
async function fence(session: Session, seat: Seat, sent: { seen: number | undefined }): Promise<void> {
  const [now] = await session.query<{ dead: boolean; made: number }>(
    `SELECT EXISTS (SELECT FROM holdfast.process WHERE ${DEAD}) AS dead, coalesce((SELECT n FROM holdfast.made WHERE process = $1), 0) AS made`, [seat.id, patient(seat)]);
  const before = sent.seen !== undefined && now!.made > sent.seen; // by an attempt whose answer was lost
  if (before || !now!.dead) {
    if (before) seat.seen = Math.max(seat.seen, now!.made);
    return;
  }
  await disconnectDead(session, seat);
  const seen = sent.seen = seat.seen;
  await session.batch([
    { text: 'BEGIN' },
    { text: 'UPDATE holdfast.step SET n = CASE WHEN n = $1::bigint THEN n + 1 ELSE -1 END, process = $2::uuid', values: [seen, seat.id] },
    { text: `UPDATE holdfast.process SET fenced = true WHERE ${DEAD}`, values: [seat.id, String(patient(seat))] },
    { text: 'UPDATE holdfast.made SET n = $1 WHERE process = $2', values: [seen + 1, seat.id] },
    { text: `INSERT INTO holdfast.news (n, process, changed, moved) SELECT $1::bigint, $2::uuid, '', '' WHERE EXISTS (SELECT FROM holdfast.process WHERE id <> $2::uuid AND NOT fenced)`, values: [seen + 1, seat.id] },
    { text: 'COMMIT' },
  ]);
  seat.seen = Math.max(seat.seen, seen + 1);
}

/** Takes over what dead processes left, the oldest first: their journals can be read, and they can write nothing any more. `alone` keeps commits away. Fault `busy`: others have committed since the last turn. */
export async function orphans(line: Line, seat: Seat, alone: (work: () => Promise<void>) => Promise<void>): Promise<Orphan[]> {
  const sent: { seen: number | undefined } = { seen: undefined };
  await alone(() => line.use((session) => fence(session, seat, sent)).catch((error: unknown) => {
    throw isPassed(error) ? new Fault('busy', 'Other processes of this server have committed meanwhile; take another turn.', { cause: error }) : storeFault(error, 'taking over from a dead process');
  }));
  return line.use(async (session) => {
    const dead = await session.query<{ slot: number; id: string }>('SELECT slot, id FROM holdfast.process WHERE fenced AND id <> $1 ORDER BY since', [seat.id]);
    const found: Orphan[] = [];
    for (const { slot, id } of dead) {
      const rows = await session.query<{ record: Bytes }>('SELECT record FROM holdfast.journal WHERE process = $1 ORDER BY number', [id]);
      if (rows.length === 0) { await remove(session, slot, id); continue; }
      const done = (): Promise<void> => line.use(async (later) => {
        await later.query('DELETE FROM holdfast.journal WHERE process = $1', [id]);
        await remove(later, slot, id);
      });
      found.push({ slot, records: rows.map(({ record }) => new Uint8Array(record)), done });
    }
    return found;
  });
}
