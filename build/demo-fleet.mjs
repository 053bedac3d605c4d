// The parts of the demo: a folder, nodes in processes of their own, a broker and a serial line; how they are asked, cut off, killed, and ended.

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './esbuild.mjs';
import { newest } from './sources.mjs';
import { findTool } from './tools.mjs';

/** How long a part may take to come up, and to go. */
const UP_MS = 60_000, DOWN_MS = 20_000;
/** The exit status of a server that wants to be started again. */
const AGAIN = 75;
/** Bits a second of the serial line. */
const BAUD = 57_600;

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** A port of this machine that is free. */
export async function freePort() {
  const server = createServer();
  const port = await new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(server.address().port)); });
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

/** Builds the two programs where their sources are newer. Returns their paths. Rejects with what cannot be built. */
export async function programs(say) {
  const [edge, server] = await Promise.all([import('./edge.mjs'), import('./server.mjs')]), youngest = newest();
  const old = (path) => !existsSync(path) || youngest > statSync(path).mtimeMs;
  if (old(edge.PROGRAM) || old(server.PROGRAM)) {
    say('Building the edge node and the server …');
    const { stop } = await import('esbuild');
    try { await edge.buildEdge(); await server.buildServer(); } finally { await stop(); }
  }
  return { edge: edge.PROGRAM, server: server.PROGRAM };
}

/** An empty stage in a temporary folder. */
export function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  // PostgreSQL runs as another user where this one is root: it may pass, and see nothing.
  chmodSync(folder, 0o711);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^HOLDFAST_|^DATABASE_URL$|^PG/.test(name)));
  const running = new Set();
  let over = false;
  const refuse = () => { if (over) throw new Error('everything is being ended'); };

  /** Starts a program in a process group of its own, so that Ctrl-C is for the demo alone. Resolves once it has said `ready`; rejects with its last words. */
  async function launch(name, command, args, ready, more = {}) {
    refuse();
    const log = openSync(join(folder, `${name}.log`), 'a');
    const child = spawn(command, args, { cwd: folder, env: { ...env, ...more }, stdio: ['pipe', 'pipe', log], detached: true });
    const part = { name, child, ended: undefined, said: '' };
    running.add(part);
    part.gone = new Promise((resolve) => {
      child.on('error', (error) => { part.said += String(error); resolve(); });
      child.on('close', (code, signal) => { part.ended = code ?? signal; resolve(); });
    }).then(() => running.delete(part));
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text) => { part.said = (part.said + text).slice(-20_000); });
    for (const until = Date.now() + UP_MS; !ready.test(part.said); await wait(30)) {
      if (part.ended !== undefined || Date.now() > until) throw new Error(`${name} does not come up; its last words are in ${join(folder, `${name}.log`)}\n${part.said.slice(-500)}`);
    }
    return part;
  }

  /** Ends a part: asks, and insists; with `hard` it is killed as if its plug were pulled. */
  async function end(part, hard = false) {
    if (part.ended !== undefined) return;
    const kill = (signal) => { try { process.kill(-part.child.pid, signal); } catch { /* gone */ } };
    kill(hard ? 'SIGKILL' : 'SIGTERM');
    const late = setTimeout(() => kill('SIGKILL'), DOWN_MS);
    await part.gone;
    clearTimeout(late);
  }

  /** Runs one command to its end. Returns { code, stdout, stderr }. */
  async function ask(program, args, input = '') {
    refuse();
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [program, ...args], { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
      const part = { name: 'command', child, ended: undefined };
      running.add(part);
      const said = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => { said[name] += text; });
      part.gone = new Promise((over) => {
        child.on('close', (code, signal) => {
          part.ended = code ?? signal;
          running.delete(part);
          resolve({ code, ...said });
          over();
        });
      });
      child.stdin.on('error', () => {}).end(input);
    });
  }

  return {
    folder, launch, end, ask,
    async broker(port) { return launch('broker', process.execPath, [join(ROOT, 'build/demo-broker.mjs'), String(port)], /ready/); },
    /** A line between two ports; returns it with `cut` and `heal`. */
    async line(left, right) {
      const python = findTool('python3', env);
      if (python === undefined) throw new Error('the serial line of the demo needs python3');
      const part = await launch('line', python, [join(ROOT, 'build/demo-line.py'), left, right, String(BAUD)], /ready/);
      return Object.assign(part, { cut: () => part.child.stdin.write('cut\n'), heal: () => part.child.stdin.write('heal\n') });
    },
    /** Ends whatever runs, and removes the folder unless it is to be kept. Nothing can be started any more. */
    async clear(keep) {
      over = true;
      await Promise.all([...running].map((part) => end(part)));
      if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    baud: BAUD,
  };
}

/** A node of the stage: `make` founds or joins, `start` runs it, `pull` is the plug. */
export function nodeOn(place, name, program) {
  const dir = join(place.folder, name);
  const node = {
    name, dir, program, part: undefined, url: undefined,
    /** Runs a command on this node; rejects with its words when it fails. `also`: other exit statuses that are as good as 0. */
    async command(args, input, also = []) {
      const done = await place.ask(program, [...args, '--dir', dir], input);
      if (done.code !== 0 && !also.includes(done.code)) throw new Error(`holdfast ${args.join(' ')} on ${name} failed: ${done.stderr.trim() || done.stdout.trim()}`);
      return done.stdout;
    },
    async json(args, input, also) { return JSON.parse(await node.command([...args, '--json'], input, also)); },
    async start(flags, env) {
      const part = node.part = await place.launch(name, process.execPath, [program, 'run', '--dir', dir, '--json', ...flags], /"event":"page"/, { HOLDFAST_LISTEN: 'none', ...env });
      node.url = (await node.command(['page'])).trim();
      // A server that lost its place at the database, on a machine that had no time for it, asks to be started again.
      void part.gone.then(() => (part.ended === AGAIN && node.part === part ? node.start(flags, env) : undefined)).catch(() => {});
    },
    stop: () => place.end(node.part),
    pull: () => place.end(node.part, true),
    /** Records a note, on stable storage when this resolves. */
    note: (key, text) => node.command(['append', 'notes', '--key', key, '--type', 'note', '--body', JSON.stringify(text), '--urgent']),
    async has(key) { return (await place.ask(program, ['get', 'notes', key, '--dir', dir])).code === 0; },
    digest: () => node.json(['digest']),
  };
  return node;
}
