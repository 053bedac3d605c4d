// A broker connection as tests see it: what happened is kept, and can be waited for.
import { mqttBroker, type BrokerOptions } from '../../src/io/mqtt.ts';
import type { Broker, Bytes } from '../../src/ports.ts';

/** A connection and what it has told so far. */
export interface Probe extends Broker {
  readonly ups: number;
  readonly downs: string[];
  readonly notices: string[];
  readonly messages: { topic: string; payload: Bytes }[];
  /** Resolves when `ready` is true, which is asked after everything that happens, and rejects after 60 s with what was waited for. */
  until(what: string, ready: () => boolean): Promise<void>;
}

let ids = 0;

/** Opens a connection with short pauses; messages are done at once unless `hold` is given, which then gets each `done`. */
export function probe(url: string, options: Partial<BrokerOptions> & { hold?: (done: () => void) => void; filters?: string[] } = {}): Probe {
  const { hold, filters, ...rest } = options;
  const told = { ups: 0, downs: [] as string[], notices: [] as string[], messages: [] as { topic: string; payload: Bytes }[] };
  const waiting = new Set<() => void>();
  const happened = () => { for (const each of [...waiting]) each(); };
  const broker = mqttBroker(url, { clientId: `probe${process.pid}x${ids++}`, random: () => 0, notice: (text) => { told.notices.push(text); happened(); }, ...rest });
  if (filters !== undefined) broker.subscribe(filters);
  broker.onUp = () => { told.ups++; happened(); };
  broker.onDown = (reason) => { told.downs.push(reason); happened(); };
  broker.onDrain = happened;
  broker.onMessage = (topic, payload, done) => {
    told.messages.push({ topic, payload });
    if (hold === undefined) done();
    else hold(done);
    happened();
  };
  const until = (what: string, ready: () => boolean): Promise<void> => new Promise((resolve, reject) => {
    const timer = setTimeout(() => { waiting.delete(check); reject(new Error(`${what} did not happen: ${JSON.stringify({ ...told, messages: told.messages.length })}`)); }, 60_000);
    function check(): void {
      if (!ready()) return;
      clearTimeout(timer);
      waiting.delete(check);
      resolve();
    }
    waiting.add(check);
    check();
  });
  return Object.defineProperties(broker, {
    ups: { get: () => told.ups }, downs: { value: told.downs }, notices: { value: told.notices }, messages: { value: told.messages }, until: { value: until },
  }) as Probe;
}

/** Text as bytes. */
export const bytes = (text: string): Bytes => new TextEncoder().encode(text);
