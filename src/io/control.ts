// The control socket of a running node: where it lies, how a node opens it and how a command finds it.

import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Fault } from '../fault.ts';
import { channel, type Channel } from './channel.ts';

/** Commands that may be connected at a time. */
const CONNECTIONS = 64;
/** Bytes of a socket's path that every system takes (sun_path is 104 to 108, with its final zero). */
const PATH_BYTES = 100;
/** Time for the last replies when the node stops. */
const PARTING_MS = 1_000;
const SOCKET = 'control.sock';
/** Names the socket when it cannot lie in the data directory. */
const POINTER = 'control.path';

/** Where a command finds the socket of directory `dir`; undefined when no node has left one. */
function findSocket(dir: string): string | undefined {
  const here = resolve(dir, SOCKET);
  if (Buffer.byteLength(here) <= PATH_BYTES && existsSync(here)) return here;
  return pointer(dir);
}

/** The directory itself, whatever its path: a pointer that was copied along with another directory leads to that one's node. */
function identity(dir: string): string {
  const { dev, ino } = statSync(dir);
  return `${dev}-${ino}`;
}

/** Where the last node of this very directory put its socket. */
function pointer(dir: string): string | undefined {
  try {
    const [path, owner] = readFileSync(join(dir, POINTER), 'utf8').trim().split('\n');
    return owner === identity(dir) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** A folder of our own, readable by nobody else, with a short name; the one from the last start if it is still there. */
function shortFolder(dir: string): string {
  try {
    const path = pointer(dir), last = path === undefined ? '' : dirname(path), state = lstatSync(last);
    if (state.isDirectory() && state.uid === process.getuid?.() && (state.mode & 0o077) === 0) return last;
  } catch {
    // None yet.
  }
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return mkdtempSync(join(runtime !== undefined && existsSync(runtime) && runtime.length < 60 ? runtime : tmpdir(), 'holdfast-'));
}

/** An open control socket. */
export interface Control {
  readonly path: string;
  /** Takes no more commands and ends those that are connected. */
  close(): Promise<void>;
  /** Commands connected now. */
  readonly open: number;
}

/**
 * Opens the control socket of `dir`, for its user alone, and hands each command's channel to `onChannel`.
 * Only the process that holds the store's lock may call this: it replaces a socket that a killed node has left.
 * Where the path is too long or the file system has no sockets, it lies in a folder of its own below the runtime directory, named by `control.path`.
 * Fault: `link-failed`.
 */
export async function serveControl(dir: string, onChannel: (channel: Channel) => void): Promise<Control> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= CONNECTIONS) return void socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    onChannel(channel(socket));
  });
  const here = resolve(dir, SOCKET);
  let path = here;
  try {
    if (Buffer.byteLength(here) > PATH_BYTES) throw new Error('too long');
    await listen(server, here);
    rmSync(join(dir, POINTER), { force: true });
  } catch {
    try {
      path = join(shortFolder(dir), SOCKET);
      await listen(server, path);
      writeFileSync(join(dir, POINTER), `${path}\n${identity(dir)}\n`, { mode: 0o600 });
    } catch (error) {
      throw new Fault('link-failed', `The control socket ${path} cannot be opened (${error instanceof Error ? error.message : String(error)}).`, { cause: error });
    }
  }
  server.on('error', () => {});
  return {
    path,
    get open() {
      return sockets.size;
    },
    close: () => new Promise<void>((done) => {
      server.close(() => {
        if (path !== here) {
          rmSync(dirname(path), { recursive: true, force: true });
          rmSync(join(dir, POINTER), { force: true });
        }
        done();
      });
      // What is being said may be said to its end, but nobody holds up the stop of a node.
      for (const socket of sockets) {
        socket.destroySoon();
        setTimeout(() => socket.destroy(), PARTING_MS).unref();
      }
    }),
  };
}

function listen(server: ReturnType<typeof createServer>, path: string): Promise<void> {
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file must never be open to others, not even for a moment; bind happens inside this call.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

/**
 * Connects to the node that runs on `dir`; undefined when none does.
 * Fault: `link-failed` when one does and this user may not talk to it.
 */
export function connectControl(dir: string): Promise<Channel | undefined> {
  const path = findSocket(dir);
  if (path === undefined) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(channel(socket)));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'EPERM') {
        reject(new Fault('link-failed', `A node runs on ${dir}, but this user may not talk to it; use the user that it runs as.`, { cause: error }));
      } else resolve(undefined);
    });
  });
}
