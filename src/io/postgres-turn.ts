// Turns of the processes that share a database, and the news that each begins with.
import { Fault } from '../fault.ts';
import type { Bytes, News } from '../ports.ts';
import type { Line, Session } from './postgres-line.ts';
import { decodeNews } from './postgres-news.ts';
import type { Seat } from './postgres-slots.ts';

/** What `enter` and `leave` of the contract are made of. */
export interface Turns {
  enter(): Promise<News>;
  leave(): Promise<void>;
  /** Rises whenever news came in: what was computed before has not seen them. */
  readonly learnt: number;
  /** Milliseconds that the last wait for the turn took, and how many turns there were. */
  readonly waited: number;
  readonly count: number;
}

/** Fault for a process that has lost its place; `why` says how. */
export function lostPlace(why: string): Fault {
  return new Fault('store-failed', `This process has lost its place in the database: ${why}. It must stop; started again it goes on as a new one.`);
}

/** The bytes of bytea as text. */
function bytesOf(shown: string): Bytes {
  return new Uint8Array(Buffer.from(shown.slice(2), 'hex'));
}

/**
 * Turns on a line of their own, whose sessions end when they idle in a transaction for too long: every `aliveMs` while it has the turn this process shows that it runs. `fail` ends its whole use of the database.
 */
export function turns(line: Line, seat: Seat, aliveMs: number, fail: (fault: Fault) => Fault): Turns {
  const none: News = { changed: [], moved: [] };
  let first = true, learnt = 0, waited = 0, count = 0, leave: (() => void) | undefined, ended: Promise<void> = Promise.resolve();

  async function read(session: Session): Promise<News> {
    const from = seat.seen;
    // One statement, one snapshot. News that this process has not seen are not pruned as long as it is not fenced.
    const [, , told] = await session.batch([
      { name: 'begin', text: 'BEGIN' },
      { name: 'turn', text: 'SELECT FROM holdfast.turn FOR UPDATE' },
      {
        name: 'told', values: [seat.slot, seat.id, from],
        text: `SELECT s.n, EXISTS (SELECT FROM holdfast.process WHERE slot = $1 AND id = $2::uuid AND NOT fenced), w.changed, w.moved
          FROM holdfast.step s LEFT JOIN holdfast.news w ON w.n > $3 AND w.n <= s.n AND w.process <> $2::uuid ORDER BY w.n`,
      },
    ]);
    const rows = told!.rows, n = Number(rows[0]![0]);
    if (rows[0]![1] !== 't') throw fail(lostPlace('its lease was over, and another process took over'));
    if (n < from) throw fail(lostPlace('the server that answers now lacks what was committed before'));
    const others = rows.filter((row) => row[2] !== null), unread = first;
    first = false;
    seat.seen = Math.max(seat.seen, n);
    if (others.length === 0) return none;
    learnt++;
    return unread ? none : decodeNews(others.map((row) => ({ changed: bytesOf(row[2]!), moved: bytesOf(row[3]!) })));
  }

  return {
    get learnt() { return learnt; },
    get waited() { return waited; },
    get count() { return count; },
    async enter() {
      const start = performance.now();
      while (leave) await ended; // of another caller in this process
      let over!: () => void;
      ended = new Promise((resolve) => { over = resolve; });
      const left = new Promise<void>((resolve) => { leave = resolve; });
      const finish = (): void => { leave = undefined; over(); };
      return new Promise<News>((resolve, reject) => {
        line.use(async (session) => {
          let news: News;
          try {
            news = await read(session);
          } catch (error) {
            if (session.alive) await session.query('ROLLBACK').catch(() => undefined);
            throw error;
          }
          waited = Math.round(performance.now() - start);
          count++;
          resolve(news);
          let shown: Promise<unknown> | undefined;
          const alive = setInterval(() => {
            if (!session.alive) clearInterval(alive);
            else shown ??= session.query('SELECT').catch(() => undefined).finally(() => { shown = undefined; });
          }, aliveMs).unref();
          await left;
          clearInterval(alive);
          await shown;
          // A turn that was lost with its connection is over already. Nothing was written, so there is nothing to flush.
          if (session.alive) await session.query('ROLLBACK').catch(() => undefined);
        }).then(finish, (error: unknown) => { finish(); reject(error instanceof Error ? error : new Error(String(error))); });
      });
    },
    async leave() {
      if (!leave) return;
      leave();
      await ended;
    },
  };
}
