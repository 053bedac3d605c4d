// The partitions of the events' table: one for each month, made when its first event comes, and one each for what is before 2000 or after 2099.
import type { Admitted } from '../ports.ts';
import { stateOf } from './postgres-errors.ts';
import type { Session } from './postgres-line.ts';
import { LOCK_SCHEMA } from './postgres-migrate.ts';
import { eachTime } from './postgres-rows.ts';

const START_MS = Date.UTC(2000, 0, 1), END_MS = Date.UTC(2100, 0, 1);

/** A partition by the first month that it holds: months since January 2000, −1 for what is earlier, 1,200 for what is later. */
type Month = number;

/** The month of a time, and from when to when (excluded) it goes. */
export function monthOf(ms: number): { month: Month; from: number; to: number } {
  if (ms < START_MS) return { month: -1, from: -Infinity, to: START_MS };
  if (ms >= END_MS) return { month: 1_200, from: END_MS, to: Infinity };
  const date = new Date(ms), year = date.getUTCFullYear(), month = date.getUTCMonth();
  return { month: (year - 2_000) * 12 + month, from: Date.UTC(year, month, 1), to: Date.UTC(year, month + 1, 1) };
}

/** The name of a partition, without the schema. */
export function partitionName(month: Month): string {
  if (month < 0) return 'event_before_2000';
  if (month >= 1_200) return 'event_after_2099';
  return `event_${2_000 + Math.floor(month / 12)}_${String(month % 12 + 1).padStart(2, '0')}`;
}

function bounds(month: Month): string {
  const start = (m: Month): string => m < 0 ? 'MINVALUE' : m > 1_200 ? 'MAXVALUE' : `'${new Date(Date.UTC(2_000 + Math.floor(m / 12), m % 12, 1)).toISOString()}'`;
  return `FROM (${month < 0 ? 'MINVALUE' : start(month)}) TO (${month < 0 ? start(0) : start(month + 1)})`;
}

/** Knows the partitions that are there. */
export interface Partitions {
  /** Makes what is missing for some events; not within a transaction. */
  ensure(session: Session, runs: readonly Admitted[]): Promise<void>;
  /** Forgets what was known: an administrator may have taken a partition away. */
  forget(): void;
}

/** Partitions as one process knows them. */
export function partitions(): Partitions {
  const known = new Set<Month>();

  async function make(session: Session, month: Month): Promise<void> {
    await session.query('BEGIN');
    try {
      await session.query(LOCK_SCHEMA);
      const name = partitionName(month), there = await session.query<{ name: string; attached: boolean }>(
        `SELECT c.relname AS name, c.relispartition AS attached FROM pg_catalog.pg_class c WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relname LIKE $1 || '%' AND c.relkind IN ('r', 'p')`, [name]);
      if (!there.some((table) => table.attached)) {
        // One that was detached keeps its name.
        const free = there.length === 0 ? name : `${name}_${there.length + 1}`;
        await session.query(`CREATE TABLE holdfast.${free} (LIKE holdfast.event INCLUDING DEFAULTS INCLUDING STORAGE)`);
        await session.query(`ALTER TABLE holdfast.event ATTACH PARTITION holdfast.${free} FOR VALUES ${bounds(month)}`);
      }
      await session.query('COMMIT');
    } catch (error) {
      await session.query('ROLLBACK').catch(() => undefined);
      // An administrator's own partition covers it.
      if (stateOf(error) !== '42P17') throw error;
    }
    known.add(month);
  }

  return {
    async ensure(session, runs) {
      const missing = new Set<Month>();
      let last = { month: NaN, from: 0, to: 0 };
      for (const run of runs) {
        eachTime(run, (time) => {
          if (time >= last.from && time < last.to) return;
          last = monthOf(time);
          if (!known.has(last.month)) missing.add(last.month);
        });
      }
      for (const month of missing) await make(session, month);
    },
    forget() { known.clear(); },
  };
}
