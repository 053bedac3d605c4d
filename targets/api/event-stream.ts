// A stream of server-sent events (HTML standard, section 9.2) to one client: no faster than it reads, with a sign of life when nothing comes.

import type { Followed } from '../program/database.ts';
import { jsonText } from '../../src/event/json.ts';
import { entryShown, faultBody } from './answer.ts';

/** Nothing is sent for longer than this, ms: proxies and clients take silence for a broken line. */
const BEAT_MS = 15_000;
/** Characters that are sent together. */
const TOGETHER = 65_536;
/** What a client is told to wait before it connects again, ms. */
const RETRY_MS = 2_000;

/**
 * The answer that sends `news`, each as `written` writes it, until they end, the client goes (then `left` is called) or the server stops. The first of them is awaited, so that what is wrong with the request is
 * answered as such: throws its fault.
 */
export async function eventStream<T>(news: AsyncIterable<T>, written: (one: T) => string, stopping: AbortSignal, left: () => void): Promise<Response> {
  const source = news[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<T>> = source.next();
  try {
    await next;
  } catch (error) {
    left();
    throw error;
  }
  let over = false, stop = (): void => {};
  const end = (): void => {
    if (over) return;
    over = true;
    stopping.removeEventListener('abort', stop);
    left();
    source.return?.(undefined).catch(() => {});
  };
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped');
    if (stopping.aborted) stop();
    stopping.addEventListener('abort', stop);
  });
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
    },
    /** Called when the client has room: one batch of what is there. */
    async pull(controller) {
      let text = '';
      const beat = timer(BEAT_MS);
      try {
        for (let pause: Promise<'pause'> | undefined; text.length < TOGETHER; pause ??= new Promise((resolve) => { setImmediate(() => resolve('pause')); })) {
          const step = await Promise.race([next, stopped, pause ?? beat.rings]);
          if (step === 'pause') break;
          if (step === 'beat') {
            text = ': still here\n\n';
            break;
          }
          if (step === 'stopped' || step.done === true) {
            controller.enqueue(encoder.encode(`${text}: ${step === 'stopped' ? 'the node is stopping' : 'that was all'}\n\n`));
            controller.close();
            return end();
          }
          text += written(step.value);
          next = source.next();
          // It may fail while the client takes its time; whoever pulls next hears of it.
          next.catch(() => {});
        }
        controller.enqueue(encoder.encode(text));
      } catch (error) {
        // Once it streams, a fault is an event like others; the client goes on from its last id.
        controller.enqueue(encoder.encode(`${text}event: fault\ndata: ${jsonText(faultBody(error))}\n\n`));
        controller.close();
        end();
      } finally {
        beat.stop();
      }
    },
    cancel: end,
  }, { highWaterMark: 1 });
  return new Response(stream, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' } });
}

/** An event of a stream, or a cursor. */
export function followedText(told: Followed): string {
  // An id without data is remembered by the client, and nothing is dispatched.
  return 'cursor' in told ? `id: ${told.cursor}\n\n` : `data: ${jsonText(entryShown(told.entry))}\n\n`;
}

function timer(ms: number): { rings: Promise<'beat'>; stop(): void } {
  let handle: NodeJS.Timeout | undefined;
  const rings = new Promise<'beat'>((resolve) => { handle = setTimeout(() => resolve('beat'), ms); });
  return { rings, stop: () => clearTimeout(handle) };
}
