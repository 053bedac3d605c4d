// Child processes of these tests, whose lines are told as they come, and their end with the signal or status that it had.
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Load } from './load.child.ts';

export interface Child {
  process: ChildProcess;
  /** Resolves with the first line from now on, or before, that begins with `word`; undefined when it ended without. */
  said(word: string): Promise<string | undefined>;
  /** The signal or the exit status, when all its output was taken. */
  ended: Promise<string | number>;
  kill(): void;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => { for (const child of alive) child.kill('SIGKILL'); });

/** Starts a program of this folder (`load` for load.child.ts). */
export function startChild(name: string, argument: unknown, tell: (line: string) => void, env: { [name: string]: string } = {}): Child {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`./${name}.child.mjs`, import.meta.url)), JSON.stringify(argument)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  alive.add(child);
  const lines: string[] = [];
  const wake: (() => void)[] = [];
  let rest = '', over = false;
  const stir = (): void => { for (const each of wake.splice(0)) each(); };
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    for (const part of parts) {
      if (!part.startsWith('ack ')) lines.push(part);
      tell(part);
    }
    stir();
  });
  const ended = new Promise<string | number>((resolve) => child.on('close', (status, signal) => {
    alive.delete(child);
    over = true;
    stir();
    resolve(signal ?? status ?? -1);
  }));
  return {
    process: child, ended,
    async said(word) {
      for (;;) {
        const found = lines.find((line) => line.startsWith(word));
        if (found !== undefined || over) return found;
        await new Promise<void>((resolve) => { wake.push(resolve); });
      }
    },
    kill: () => { child.kill('SIGKILL'); },
  };
}

/** Starts a node under load. */
export function startLoad(load: Load, tell: (line: string) => void, env: { [name: string]: string } = {}): Child {
  return startChild('load', load, tell, env);
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
