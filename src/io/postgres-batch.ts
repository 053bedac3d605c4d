// Several statements in one round trip: a pipeline of PostgreSQL's extended protocol, in which an error skips everything up to the end. COPY goes along.
import type { Connection } from 'pg';
import type { Bytes } from '../ports.ts';

/** One statement. Those with a `name` are prepared once on each connection; `copy` are the bytes that a COPY … FROM STDIN takes. Bytes as values go in binary form. */
export interface Step { text: string; name?: string; values?: readonly (Bytes | string | number | null)[]; copy?: Iterable<Bytes> }

/** What a statement gave: its rows as text, and the tag of its command (`UPDATE 1`). */
export interface Answer { rows: (string | null)[][]; tag: string }

/** A connection as this file uses it: its types do not know what is sent for COPY. */
type Wire = Connection & { sendCopyFromChunk(bytes: Buffer): void; endCopyFrom(): void };

/** Bytes that may wait in the socket before more are made. */
const AHEAD = 262_144;

const asBuffer = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Statements as pg's client takes them (`client.query(batch)`); `done` gives the answers in order, or the first error: then none of the later statements ran.
 * `prepared` holds the names of statements that the connection knows, and is emptied by an error: the caller rolls back and says DEALLOCATE ALL.
 */
export class Batch {
  readonly done: Promise<Answer[]>;
  readonly #steps: readonly Step[];
  readonly #prepared: Set<string>;
  readonly #answers: Answer[] = [];
  #rows: (string | null)[][] = [];
  #broken = false;
  #resolve!: (answers: Answer[]) => void;
  #reject!: (error: unknown) => void;

  constructor(steps: readonly Step[], prepared: Set<string>) {
    this.#steps = steps;
    this.#prepared = prepared;
    this.done = new Promise((resolve, reject) => { this.#resolve = resolve; this.#reject = reject; });
    this.done.catch(() => undefined);
  }

  /** Called by the client when the connection is free. */
  submit(connection: Connection): void {
    void this.#send(connection as Wire);
  }

  async #send(wire: Wire): Promise<void> {
    const { stream } = wire;
    try {
      stream.cork();
      for (const step of this.#steps) {
        if (this.#broken) break;
        this.#statement(wire, step);
        if (!step.copy) continue;
        for (const chunk of step.copy) {
          wire.sendCopyFromChunk(asBuffer(chunk));
          if (stream.writableLength < AHEAD) continue;
          stream.uncork();
          await drained(stream);
          stream.cork();
          if (this.#broken) break;
        }
        wire.endCopyFrom();
      }
    } catch (error) {
      // What could not be made: nothing must be committed, so the connection goes.
      this.handleError(error);
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    wire.sync();
    stream.uncork();
  }

  #statement(wire: Wire, { name = '', text, values = [] }: Step): void {
    if (name === '' || !this.#prepared.has(name)) wire.parse({ name, text, types: [] }, true);
    if (name !== '') this.#prepared.add(name);
    wire.bind({ statement: name, values: values.map((value) => value instanceof Uint8Array ? asBuffer(value) : value === null ? null : String(value)) } as never, true);
    wire.execute(null as never, true);
  }

  /** The rest are called by the client with what the server says. */
  handleDataRow(message: { fields: (string | null)[] }): void { this.#rows.push(message.fields); }
  handleCommandComplete(message: { text: string }): void {
    this.#answers.push({ rows: this.#rows, tag: message.text });
    this.#rows = [];
  }
  handleReadyForQuery(): void { this.#resolve(this.#answers); }
  handleError(error: unknown): void {
    this.#broken = true;
    this.#prepared.clear();
    this.#reject(error);
  }
  handleRowDescription(): void { /* not asked for */ }
  handleEmptyQuery(): void { /* there is none */ }
  handlePortalSuspended(): void { /* nothing limits rows */ }
  handleCopyInResponse(): void { /* the bytes are on their way already */ }
}

/** Resolves when the socket has taken what waits, or is gone. */
function drained(stream: Connection['stream']): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, end);
      resolve();
    };
    if (stream.destroyed || !stream.writableNeedDrain) { setImmediate(resolve); return; }
    for (const event of ['drain', 'close', 'error']) stream.on(event, end);
  });
}
