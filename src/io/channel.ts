// Messages over a local socket: canonical CBOR values behind a length, both ways, taken one at a time so that neither side can flood the other.

import type { Socket } from 'node:net';
import { decode } from '../event/cbor.ts';
import { encodeValue, type Value } from '../event/value.ts';
import { Fault } from '../fault.ts';

/** Bytes of one message at most. */
export const MESSAGE_BYTES = 2 * 1_048_576;
/** Messages kept unread before the socket is not read any more. */
const UNREAD = 8;
/** Bytes that may wait to be sent before `send` waits. */
const UNSENT = 262_144;

/** Two-way messages. */
export interface Channel {
  /** Sends one message; resolves when the other side keeps up. Faults: `closed`, `too-large`. */
  send(message: Value): Promise<void>;
  /** The next message, or undefined once the other side has gone. Faults: `bad-message` (then the channel is closed). */
  next(): Promise<Value | undefined>;
  /** Sends what is queued and ends. */
  close(): void;
  /** Aborted when the channel ends, whoever ended it. */
  readonly gone: AbortSignal;
}

/** Wraps a connected local socket. */
export function channel(socket: Socket): Channel {
  const end = new AbortController();
  const unread: Value[] = [];
  let broken: Fault | undefined;
  let wakeReader: (() => void) | undefined;
  const wakeWriters: (() => void)[] = [];
  // What has arrived of the current message; grows with the bytes, never by what a length claims.
  let parts: Uint8Array[] = [];
  let held = 0;

  function wake(): void {
    wakeReader?.();
    wakeReader = undefined;
    for (const each of wakeWriters.splice(0)) each();
  }
  /** The next bytes, as a plain array: the slice of a Buffer does not copy, and the decoder relies on slices that do. */
  function take(length: number): Uint8Array {
    const joined = parts.length === 1 ? parts[0]! : Buffer.concat(parts, held);
    const whole = new Uint8Array(joined.buffer, joined.byteOffset, joined.length);
    parts = whole.length > length ? [whole.subarray(length)] : [];
    held -= length;
    return whole.subarray(0, length);
  }
  let expected: number | undefined;
  socket.on('data', (chunk: Uint8Array) => {
    if (broken !== undefined) return;
    parts.push(chunk);
    held += chunk.length;
    try {
      for (;;) {
        if (expected === undefined) {
          if (held < 4) break;
          const head = take(4);
          expected = new DataView(head.buffer, head.byteOffset, 4).getUint32(0);
          if (expected > MESSAGE_BYTES) throw new Fault('bad-message', `A message of ${expected} bytes is too large (${MESSAGE_BYTES} at most).`);
        }
        if (held < expected) break;
        const message = decode(take(expected));
        expected = undefined;
        unread.push(message);
      }
    } catch (error) {
      broken = new Fault('bad-message', error instanceof Error ? error.message : String(error), { cause: error });
      parts = [];
      socket.destroy();
    }
    if (unread.length >= UNREAD) socket.pause();
    if (unread.length > 0 || broken !== undefined) wake();
  });
  socket.on('drain', wake);
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    end.abort();
    wake();
  });

  return {
    gone: end.signal,
    async send(message) {
      const bytes = encodeValue(message);
      if (bytes.length > MESSAGE_BYTES) throw new Fault('too-large', `A message of ${bytes.length} bytes is too large (${MESSAGE_BYTES} at most).`);
      if (end.signal.aborted || socket.destroyed || socket.writableEnded) throw new Fault('closed', 'The other side has gone.');
      const head = new Uint8Array(4);
      new DataView(head.buffer).setUint32(0, bytes.length);
      socket.cork();
      socket.write(head);
      socket.write(bytes);
      socket.uncork();
      while (socket.writableLength > UNSENT && !end.signal.aborted) await new Promise<void>((resolve) => wakeWriters.push(resolve));
      if (end.signal.aborted) throw new Fault('closed', 'The other side has gone.');
    },
    async next() {
      for (;;) {
        const message = unread.shift();
        if (message !== undefined) {
          if (unread.length === 0) socket.resume();
          return message;
        }
        if (broken !== undefined) throw broken;
        if (end.signal.aborted) return undefined;
        await new Promise<void>((resolve) => (wakeReader = resolve));
      }
    },
    close() {
      socket.end();
    },
  };
}
