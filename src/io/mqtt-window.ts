// What is on its way to a broker: a bounded number of unacknowledged messages, and a bounded queue of what waits behind them.

import type { Bytes } from '../ports.ts';

/** A message to publish. */
export interface Outgoing { readonly topic: string; readonly payload: Bytes; readonly retain: boolean }

/** What the window did with a message: sent or queued; the same, but the sender should wait; or dropped, because senders did not wait. */
export type Taken = 'room' | 'wait' | 'dropped';

/** Unacknowledged and queued bytes above which senders are asked to wait, and those that are never exceeded. */
export const WINDOW_BYTES = 524_288;
export const WINDOW_MOST = 1_048_576;
/** What a message costs besides its topic and payload, about: a short message must not be free. */
const MESSAGE_COST = 256;

/** The messages of one connection that are not acknowledged. */
export interface PublishWindow {
  add(message: Outgoing): Taken;
  /** Messages sent or queued, and about the memory that they take, in bytes. */
  readonly messages: number;
  readonly bytes: number;
}

/**
 * Sends up to `places` messages at once through `send`, which calls `settled` when the message is acknowledged or refused. As many again may wait.
 * `onDrain` is called when there is room again after `wait` or `dropped`.
 */
export function publishWindow(places: number, send: (message: Outgoing, settled: () => void) => void, onDrain: () => void): PublishWindow {
  const queue: Outgoing[] = [];
  let flying = 0, bytes = 0;
  let waiting = false;
  const cost = (message: Outgoing): number => MESSAGE_COST + message.topic.length + message.payload.length;

  function launch(message: Outgoing): void {
    flying++;
    let settled = false;
    send(message, () => {
      if (settled) return;
      settled = true;
      flying--;
      bytes -= cost(message);
      while (flying < places && queue.length > 0) launch(queue.shift()!);
      if (waiting && queue.length === 0 && bytes <= WINDOW_BYTES / 2) {
        waiting = false;
        onDrain();
      }
    });
  }

  return {
    get messages() { return flying + queue.length; },
    get bytes() { return bytes; },
    add(message) {
      if (bytes + cost(message) > WINDOW_MOST) {
        waiting = true;
        return 'dropped';
      }
      bytes += cost(message);
      if (flying < places && queue.length === 0) launch(message);
      else queue.push(message);
      if (queue.length < places && bytes < WINDOW_BYTES) return 'room';
      waiting = true;
      return 'wait';
    },
  };
}
