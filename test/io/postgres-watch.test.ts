// Looking at what others did while this process itself commits: an answer that is older than a commit is no server that has lost it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Line, Session } from '../../src/io/postgres-line.ts';
import type { Seat } from '../../src/io/postgres-slots.ts';
import { watch } from '../../src/io/postgres-watch.ts';

/** One look at a server that says `n`, while `during` happens; why the place was lost, if it was. */
async function look(seen: number, n: number, during: (seat: Seat) => void): Promise<string | undefined> {
  const seat = { slot: 0, id: '00000000-0000-0000-0000-000000000000', seen, leaseMs: 20_000, since: performance.now() } as Seat;
  let why: string | undefined, over = (): void => undefined;
  const done = new Promise<void>((resolve) => { over = resolve; });
  const session = {
    alive: true,
    async query(text: string) {
      if (!text.includes('FROM holdfast.step')) return [{ bytes: 0 }];
      await new Promise((resolve) => { setImmediate(resolve); });
      during(seat);
      return [{ n, process: seat.id, others: null, company: false }];
    },
  } as unknown as Session;
  const line = { async use(work: (session: Session) => Promise<void>) { try { await work(session); } finally { over(); } } } as unknown as Line;
  const watching = watch({ line, seat, lost: (words) => { why = words; }, news: () => {}, silent: () => {} });
  await done;
  watching.close();
  return why;
}

test('a commit that ends while the answer is on its way is not missing', async () => {
  assert.is(await look(7, 7, (seat) => { seat.seen = 9; }), undefined);
});

test('a server that has not what was seen before is not the one', async () => {
  assert.match(await look(7, 6, () => {}) ?? '', /lacks what was committed/);
});

test.run();
