// What nodes under load have acknowledged, and the comparison with what a node holds: nothing missing, nothing twice, no position reused.
import * as assert from 'uvu/assert';
import type { Node } from '../../src/node.ts';

/** What a check found. */
export interface Held { events: number; acknowledged: number; incarnations: number }

export interface Ledger {
  /** Takes one line of a node under load. */
  take(line: string): void;
  /** Acknowledged events so far; lines of other kinds, by their first word. */
  readonly acknowledged: number;
  readonly notices: string[];
  readonly refusals: Map<string, number>;
  /** How often a journal was turned to be moved into the store. */
  readonly turns: number;
  /** Compares with all that a node holds. `only`: these streams. Throws what is wrong. */
  check(node: Node, words?: string): Promise<Held>;
}

const STREAMS = ['telemetry', 'alarms', 'config'];

/** An empty ledger. */
export function ledger(): Ledger {
  const acks = new Map<number, { stream: string; count: number; first: string; last: string }>();
  const notices: string[] = [], refusals = new Map<string, number>();
  let acknowledged = 0, turns = 0;
  return {
    get acknowledged() { return acknowledged; },
    get turns() { return turns; },
    notices, refusals,
    take(line) {
      const words = line.split(' ');
      if (words[0] === 'ack') {
        acks.set(Number(words[2]), { stream: words[1]!, count: Number(words[3]), first: words[4]!, last: words[5]! });
        acknowledged += Number(words[3]);
      } else if (words[0] === 'notice' || words[0] === 'fatal') notices.push(line);
      else if (line === 'turned') turns++;
      else if (words[0] === 'refused') refusals.set(words[1]!, (refusals.get(words[1]!) ?? 0) + 1);
    },
    async check(node, words = '') {
      const found = new Map<number, { id: string; stream: string }>(), places = new Set<string>(), incarnations = new Set<string>();
      let events = 0;
      for (const stream of STREAMS) {
        const latest = new Map<string, string>();
        for await (const entry of node.read(stream)) {
          const { n, pad } = entry.body as { n: number; pad: string };
          assert.is(typeof pad, 'string');
          assert.not(found.has(n), `${words}event ${n} is there twice`);
          found.set(n, { id: entry.id, stream });
          const [incarnation] = entry.id.split('-');
          incarnations.add(incarnation!);
          const place = `${stream} ${incarnation} ${entry.position}`;
          assert.not(places.has(place), `${words}position ${place} was given twice`);
          places.add(place);
          latest.set(entry.key, entry.id);
          events++;
        }
        const folded = new Map<string, string>();
        for await (const entry of node.keys(stream)) folded.set(entry.key, entry.id);
        assert.equal([...folded].sort(), [...latest].sort(), `${words}the latest view of ${stream} is not the fold of what is read`);
      }
      const missing: string[] = [];
      for (const [from, { stream, count, first, last }] of acks) {
        for (let n = from; n < from + count; n++) if (found.get(n)?.stream !== stream) missing.push(`${stream} ${n}`);
        if (found.has(from)) assert.equal([found.get(from)!.id, found.get(from + count - 1)!.id], [first, last], `${words}ids changed`);
      }
      assert.equal(missing.slice(0, 10), [], `${words}${missing.length} of ${acknowledged} acknowledged events are missing, ${events} are there`);
      assert.is(node.digest().events, events, `${words}the digest counts other events than are read`);
      const { damaged, events: verified } = await node.verify(() => undefined);
      assert.equal(damaged, [], `${words}verify is not clean`);
      const system = node.streams().filter((s) => s.stream.startsWith('$')).reduce((sum, s) => sum + s.events, 0);
      assert.is(verified, events + system, `${words}verify counts other events than are read`);
      return { events, acknowledged, incarnations: incarnations.size };
    },
  };
}
