// One TCP connection as a Link: whole frames both ways, a bounded queue of what is not written yet, one ending.

import type { Socket } from 'node:net';
import { codeOf, Fault } from '../fault.ts';
import { FRAME_BYTES } from '../limits.ts';
import type { Bytes, Link } from '../ports.ts';
import { formatAddress } from './address.ts';

/** How frames stand in a stream of bytes; handed in, so that this file knows nothing of their format. */
export interface Framing {
  /** The bytes that carry one frame. */
  encode(frame: Bytes): Bytes;
  /** Cuts arriving bytes into frames; `push` throws a Fault when they can no longer be understood. Holds at most one frame. */
  decoder(onFrame: (frame: Bytes) => void): { push(chunk: Bytes): void };
}

/** Bytes queued for the peer above which `send` asks to wait, and below which `onDrain` is called. */
export const QUEUE_HIGH = 1_048_576;
/** Bytes queued above which a sender has ignored that so long that the link is cut. */
export const QUEUE_MOST = 8 * 1_048_576;
/** The peer must take something off a waiting queue in this time. */
const STALL_MS = 60_000;
/** What is queued at `close` may still leave in this time. */
const LINGER_MS = 2_000;
/** Silence after which the system asks whether the peer is still there. */
const KEEP_ALIVE_MS = 15_000;

const REASONS: { [code: string]: string } = {
  ECONNRESET: 'the peer broke the connection', EPIPE: 'the peer broke the connection', ETIMEDOUT: 'the peer no longer answers',
  EHOSTUNREACH: 'the peer cannot be reached any more', ENETUNREACH: 'the network is gone', ENETDOWN: 'the network is gone',
};

/** A Link over TCP, and what its owner may want to know besides. */
export interface TcpLink extends Link {
  /** The other side, as a URL. */
  readonly remote: string;
  /** This end, as the other side sees it: a URL, unless addresses are translated on the way. */
  readonly local: string;
}

/**
 * Wraps a connected socket. Frames begin to arrive in the turn after `onFrame` was set; set the three handlers at once.
 * `onGarbage` is called at most once, before the link closes itself because bytes could not be understood.
 */
export function tcpLink(socket: Socket, framing: Framing, remote: string, onGarbage?: (fault: Fault) => void): TcpLink {
  let reason: string | undefined;
  let ended = false;
  let waiting = false;
  let corked = false;
  let linger: NodeJS.Timeout | undefined;

  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);

  const link: TcpLink = {
    remote,
    local: formatAddress({ host: (socket.localAddress ?? '').replace(/^::ffff:/, ''), port: socket.localPort ?? 0 }),
    manifest: { name: 'tcp', frameBytes: FRAME_BYTES, thin: false },
    send(frame) {
      if (frame.length > FRAME_BYTES) throw new Fault('too-large', `A frame of ${frame.length} bytes does not fit a tcp link (${FRAME_BYTES} at most).`);
      if (reason !== undefined || socket.destroyed) return false;
      // Frames sent in one turn leave in one write to the system.
      if (!corked) {
        corked = true;
        socket.cork();
        process.nextTick(() => {
          corked = false;
          socket.uncork();
        });
      }
      socket.write(framing.encode(frame));
      if (socket.writableLength > QUEUE_MOST) {
        finish('the queue of the link overflowed');
        socket.destroy();
        return false;
      }
      if (socket.writableLength <= QUEUE_HIGH) return true;
      waiting = true;
      return false;
    },
    close(why = 'closed here') {
      if (reason !== undefined) return;
      finish(why);
      socket.end();
      linger = setTimeout(() => socket.destroy(), LINGER_MS);
    },
    get traffic() {
      return { in: socket.bytesRead, out: socket.bytesWritten - (socket.destroyed ? 0 : socket.writableLength) };
    },
    onFrame: () => {}, onDrain: () => {}, onClose: () => {},
  };

  /** Fixes why the link ended; the first to say so wins. */
  function finish(why: string): void {
    reason ??= why;
  }

  // Silence is ordinary on an idle link; silence while something waits to leave means that the peer is gone or means harm.
  socket.setTimeout(STALL_MS, () => {
    if (socket.writableLength === 0) return;
    finish('the peer takes nothing any more');
    socket.destroy();
  });

  const decoder = framing.decoder((frame) => {
    if (reason === undefined) link.onFrame(frame);
  });
  socket.on('data', (chunk: Bytes) => {
    if (reason !== undefined) return;
    try {
      // A plain array: the slice of a Buffer does not copy, and the core relies on slices that do.
      decoder.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (error) {
      // A fault of ours in a handler must not look like the peer's garbage, but it ends the link all the same.
      const fault = error instanceof Fault ? error : new Fault('internal', error instanceof Error ? error.message : String(error), { cause: error });
      finish(fault.message);
      if (codeOf(error) !== 'internal') onGarbage?.(fault);
      socket.destroy();
    }
  });
  socket.on('drain', () => {
    if (!waiting || reason !== undefined) return;
    waiting = false;
    link.onDrain();
  });
  socket.on('end', () => finish('the peer closed the link'));
  socket.on('error', (error: NodeJS.ErrnoException) => finish(REASONS[error.code ?? ''] ?? `the connection failed (${error.code ?? error.message})`));
  socket.on('close', () => {
    clearTimeout(linger);
    if (ended) return;
    ended = true;
    link.onClose(reason ?? 'the connection ended');
  });
  return link;
}
