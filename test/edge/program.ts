// Runs the real programs, dist/edge/holdfast or dist/server/holdfast, as child processes: to their end, or as long as a test needs them.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PROGRAM = resolve('dist/edge/holdfast');
/** The program of a server, for `program`. */
export const SERVER = resolve('dist/server/holdfast');

/** Variables of the machine that runs the tests must not reach the program. */
function environment(more: { [name: string]: string }): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_') && name !== 'DATABASE_URL')), ...more };
}

/** How a program ended, and what it said. */
export interface Ended { code: number | null; signal: string | null; stdout: string; stderr: string }

/** A program that runs. */
export interface Running {
  child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** The first match in what it has said on stdout so far or says from now on; throws when it ends without. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for so many lines on stdout. */
  lines(count: number): Promise<void>;
  /** Sends a signal and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  readonly ended: Promise<Ended>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

/** Starts the program. */
export function start(args: string[], options: { input?: string | Buffer; env?: { [name: string]: string }; cwd?: string; program?: string } = {}): Running {
  const child = spawn(process.execPath, [options.program ?? PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: environment(options.env ?? {}), ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
  running.add(child);
  let stdout = '', stderr = '', over = false;
  const wake: (() => void)[] = [];
  const stir = () => { for (const each of wake.splice(0)) each(); };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; stir(); });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; stir(); });
  child.stdin.on('error', () => {});
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = new Promise<Ended>((done) => child.on('close', (code, signal) => {
    running.delete(child);
    over = true;
    stir();
    done({ code, signal, stdout, stderr });
  }));
  return {
    child, ended,
    get stdout() { return stdout; },
    get stderr() { return stderr; },
    async until(pattern) {
      for (;;) {
        const found = pattern.exec(stdout);
        if (found !== null) return found;
        if (over) throw new Error(`${args.join(' ')} ended without saying ${pattern}: ${stdout}\n${stderr}`);
        await new Promise<void>((resolve) => wake.push(resolve));
      }
    },
    async lines(count) {
      while (stdout.split('\n').length <= count) {
        if (over) throw new Error(`${args.join(' ')} ended after ${stdout.split('\n').length - 1} lines: ${stderr}`);
        await new Promise<void>((resolve) => wake.push(resolve));
      }
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs the program to its end; its stdin is empty unless there is `input`. */
export async function holdfast(args: string[], options: Parameters<typeof start>[1] = {}): Promise<Ended> {
  return start(args, { input: '', ...options }).ended;
}

/** Runs it with --json and returns the one document that it printed; throws when it failed. */
export async function json<T = { [name: string]: unknown }>(args: string[], options: Parameters<typeof start>[1] = {}): Promise<T> {
  const { code, stdout, stderr } = await holdfast([...args, '--json'], options);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Lines of NDJSON. */
export function lines<T = { [name: string]: unknown }>(text: string): T[] {
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}

/** A folder for the directories of one test; removed afterwards. */
export async function inFolder(body: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'hf-edge-'));
  try {
    await body((name) => join(root, name));
  } finally {
    for (const child of running) child.kill('SIGKILL');
    if (existsSync(root)) rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}
