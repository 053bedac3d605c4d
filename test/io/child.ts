// Child processes for tests: programs of this folder, bundled beside the test, whose lines can be awaited.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

export interface Child {
  process: ChildProcess;
  /** The next line of its output; undefined when it has ended. */
  line(): Promise<string | undefined>;
  /** How it ended: its signal or its exit status. */
  ended: Promise<string | number>;
}

/** Bundles `test/io/NAME.ts` next to the running test (once per test process) and gives the path of the program. */
const built = new Map<string, Promise<string>>();
export function program(name: string): Promise<string> {
  let path = built.get(name);
  if (!path) built.set(name, path = build(name));
  return path;
}

async function build(name: string): Promise<string> {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  const outfile = join(root, 'dist/test/io/child', `${name}.${process.pid}.mjs`);
  await esbuild.build({ entryPoints: [join(root, 'test/io', `${name}.ts`)], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20.12', packages: 'external', logLevel: 'silent' });
  return outfile;
}

/** Starts a program with arguments; whatever it writes to stderr goes to ours. */
export async function start(name: string, args: string[], env: Record<string, string> = {}): Promise<Child> {
  const child = spawn(process.execPath, [await program(name), ...args], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const lines: string[] = [], waiting: ((line: string | undefined) => void)[] = [];
  let rest = '', over = false;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    for (const part of parts) { const next = waiting.shift(); if (next) next(part); else lines.push(part); }
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<string | number>((resolve) => {
    child.on('close', (status, signal) => { over = true; for (const next of waiting.splice(0)) next(undefined); resolve(signal ?? status ?? -1); });
  });
  return {
    process: child, ended,
    line: () => lines.length > 0 ? Promise.resolve(lines.shift()) : over ? Promise.resolve(undefined) : new Promise((resolve) => { waiting.push(resolve); }),
  };
}
