// The desk that all parts of a session share: messages out, questions to the node and their answers, the time, and the count of what went by.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { TALK } from './bounds.ts';
import { encodeMessage } from './compose.ts';
import type { Host, Output, Question, QuestionKind, Questions, Report, SessionOptions } from './host.ts';
import type { Message } from './message.ts';
import { Outbox } from './outbox.ts';

/** One session's outputs and questions. */
export class Desk {
  readonly host: Host;
  readonly options: SessionOptions;
  readonly opener: boolean;
  readonly outbox: Outbox;
  readonly report: Report = { sent: 0, received: 0, bytesOut: 0, bytesIn: 0 };
  /** What is to be taken by `next()` before any frame. */
  readonly outputs: Output[] = [];
  /** The time of the input that is being worked on. */
  now: number;
  /** The peer's id once proved; of no bytes before. */
  peer: Bytes = new Uint8Array(0);
  /** True when every byte counts, to either side. */
  thin: boolean;
  /** Another session with the same process is preferred to this one. */
  resting = false;
  readonly #waiting = new Map<number, (result: never) => void>();
  #asked = 0;

  constructor(options: SessionOptions) {
    this.options = options;
    this.host = options.host;
    this.opener = options.role === 'open';
    this.outbox = new Outbox(options.frameBytes);
    this.now = options.now;
    this.thin = options.thin;
  }

  /** Says a message; on a channel of segments where it must not overtake them. */
  say(message: Message, channel: number = TALK): void {
    this.sayBytes(encodeMessage(message), channel);
  }

  /** Says an encoded message. */
  sayBytes(message: Bytes, channel: number): void {
    this.outbox.add(channel, message);
  }

  /** Asks the node; `then` gets the answer unless the session has ended by then. */
  ask<K extends QuestionKind>(question: { kind: K } & Questions[K]['ask'], then: (answer: Questions[K]['answer']) => void): void {
    const id = this.#asked++;
    this.#waiting.set(id, then);
    this.outputs.push({ kind: 'ask', id, question: question as unknown as Question });
  }

  /** The node's answer to question `id`. Throws it when it is a Fault. */
  answered(id: number, result: unknown): void {
    const then = this.#waiting.get(id);
    if (!then) return;
    this.#waiting.delete(id);
    if (result instanceof Error) throw result instanceof Fault ? result : new Fault('internal', String(result), { cause: result });
    then(result as never);
  }

  /** Forgets all questions: their answers are ignored. */
  forget(): void {
    this.#waiting.clear();
  }
}
