// A process on a shared database, told what to do by lines on its input; it answers each with a line of JSON.
import { createInterface } from 'node:readline';
import { codeOf } from '../../src/fault.ts';
import { createRandom } from '../../src/io/crypto.ts';
import { openPostgres } from '../../src/io/postgres.ts';
import type { Op } from '../../src/ports.ts';
import { runFrom } from './postgres-events.ts';

const [url, leaseMs] = process.argv.slice(2), say = (answer: unknown): void => { process.stdout.write(`${JSON.stringify(answer)}\n`); };
const { store, journal } = await openPostgres({ url: url!, random: createRandom(), leaseMs: Number(leaseMs), notice: (text) => say({ notice: text }) });
const { shared } = store, put = (key: string): Op => ({ table: 'meta', key: Buffer.from(key), value: Buffer.from(key) });
let position = 1;

const acts: Record<string, (word: string) => Promise<unknown>> = {
  enter: async () => (await shared.enter()).changed.map(({ key }) => Buffer.from(key).toString()),
  leave: () => shared.leave(),
  put: (key) => store.commit([put(key)]),
  // Commits for ever, one after the other, in turns, each with an event; says what was acknowledged.
  async work(name) {
    for (let i = 1; ; i++) {
      await shared.enter();
      try {
        const run = runFrom('work', name, position, [{ key: name, type: 'count', time: Date.UTC(2026, 10, 20), body: i }]);
        await store.commit([put(`${name}-${i}`)], { retracted: [], admitted: [run] });
        position++;
        say({ done: i });
      } finally {
        await shared.leave();
      }
    }
  },
  append: (text) => journal.append(Buffer.from(text)),
  // As `work`, in the journal.
  async record(name) {
    for (let i = 1; ; i++) {
      await journal.append(Buffer.from(`${name}-${i}`));
      say({ done: i });
    }
  },
  async close() {
    await journal.close();
    await store.close();
    setImmediate(() => process.exit(0));
  },
};

say({ slot: shared.slot, pid: process.pid });
for await (const line of createInterface({ input: process.stdin })) {
  const [act, word] = line.split(' ');
  acts[act!]!(word ?? '').then((answer) => say({ [act!]: answer ?? null }), (error: unknown) => say({ [act!]: codeOf(error), fault: true }));
}
