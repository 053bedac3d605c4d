// Bodies of requests, read with bounds on their size, on all of them together, and on how slowly they may come.

import type { IncomingMessage } from 'node:http';
import { Fault } from '../../src/fault.ts';

/** Bytes of a body that is held as a whole. */
export const BODY_BYTES = 8 * 1_048_576;
/** Bytes of all bodies that are held at a time. */
const HELD_BYTES = 3 * BODY_BYTES;
/** How long the next piece of a body may take, and a body that is held as a whole, ms. */
const PIECE_MS = 30_000, WHOLE_MS = 60_000;

let held = 0;

/** The pieces of a body as they come. Fault `timeout` when nothing comes for long, `link-closed` when its sender went away. */
export async function* piecesOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  // Left before its end, the connection must stay: the answer goes there.
  const pieces = incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const step = await inTime(pieces.next());
      if (step.done) break;
      yield step.value;
    }
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('link-closed', 'The body of the request did not come whole.', { cause: error });
  }
  if (!incoming.complete) throw new Fault('link-closed', 'The body of the request did not come whole.');
}

async function inTime<T>(step: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Fault('timeout', `Nothing more of the body came for ${PIECE_MS / 1_000} seconds.`)), PIECE_MS); });
  try {
    return await Promise.race([step, late]);
  } finally {
    clearTimeout(timer);
    // It may still fail, when nobody waits for it any more.
    step.catch(() => {});
  }
}

/**
 * Hands a whole body to `use`. Faults: `too-large` (more than 8 MiB), `busy` (bodies of others take all the room that there is for them), `timeout`, `unsupported` (packed).
 */
export async function withBody<T>(incoming: IncomingMessage, use: (body: Uint8Array) => Promise<T>): Promise<T> {
  checkPlain(incoming);
  const told = incoming.headers['content-length'];
  const room = told === undefined ? BODY_BYTES : Number(told);
  if (room > BODY_BYTES) throw tooLarge();
  if (held + room > HELD_BYTES) throw new Fault('busy', 'Other requests take all the room for bodies at the moment; try again.');
  held += room;
  try {
    const pieces: Uint8Array[] = [], until = performance.now() + WHOLE_MS;
    let bytes = 0;
    for await (const piece of piecesOf(incoming)) {
      bytes += piece.length;
      if (bytes > room) throw tooLarge();
      if (performance.now() > until) throw new Fault('timeout', `The body took more than ${WHOLE_MS / 1_000} seconds to come.`);
      pieces.push(piece);
    }
    return await use(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes));
  } finally {
    held -= room;
  }
}

/** Refuses bodies that would have to be unpacked: a few bytes can stand for very many. Fault `unsupported`. */
export function checkPlain(incoming: IncomingMessage): void {
  const encoding = incoming.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new Fault('unsupported', `The body is packed (${JSON.stringify(encoding.slice(0, 40))}); send it as it is.`);
}

function tooLarge(): Fault {
  return new Fault('too-large', `The body has more than ${BODY_BYTES} bytes. Send less at once, or lines of JSON as application/x-ndjson, which may go on for ever.`);
}
