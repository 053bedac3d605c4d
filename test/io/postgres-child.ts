// Starting a process on a shared database (postgres.child.ts), and talking to it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What a process said: a line as it parsed. */
export type Line = Record<string, unknown>;

export interface Child {
  readonly slot: number;
  /** Everything that it said so far. */
  readonly lines: Line[];
  /** Tells it to do something. */
  tell(line: string): void;
  /** Waits for a line that has this property; those that were given already do not count. */
  hears(property: string): Promise<Line>;
  /** Tells it to do something, and waits for the answer. */
  ask(line: string): Promise<unknown>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** Starts a process; `leaseMs` is the length of its lease. */
export async function startChild(url: string, leaseMs = 20_000): Promise<Child> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./postgres.child.mjs', import.meta.url)), url, String(leaseMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: Line[] = [], given = new Set<Line>(), waiting: { property: string; resolve: (line: Line) => void }[] = [];
  const ended = new Promise<void>((resolve) => { child.once('exit', () => resolve()); });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line, i = waiting.findIndex(({ property }) => property in line);
    lines.push(line);
    if (i < 0) return;
    given.add(line);
    waiting.splice(i, 1)[0]!.resolve(line);
  });
  process.on('exit', () => child.kill('SIGKILL'));
  const hears = (property: string): Promise<Line> => {
    const old = lines.find((line) => property in line && !given.has(line));
    if (old) { given.add(old); return Promise.resolve(old); }
    return new Promise((resolve, reject) => {
      waiting.push({ property, resolve });
      void ended.then(() => reject(new Error(`the process ended before it said ${property}: ${JSON.stringify(lines.slice(-5))}`)));
    });
  };
  const { slot } = await hears('slot');
  return {
    slot: slot as number, lines, ended, hears,
    tell(line) { child.stdin.write(`${line}\n`); },
    async ask(line) {
      child.stdin.write(`${line}\n`);
      return (await hears(line.split(' ')[0]!))[line.split(' ')[0]!];
    },
    signal(name) { child.kill(name); },
  };
}
