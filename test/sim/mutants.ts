// Rules of the core that the simulator guards, each with the edit that switches it off: made while bundling, so production code has no switches.

/** One rule switched off. `find` must stand exactly once in `file`; the worlds of `scenario` must notice within `seeds` seeds. */
export interface Mutant { rule: string; file: string; find: string; replace: string; scenario: string; seeds: number }

/** The list; every entry must be caught. */
export const MUTANTS: readonly Mutant[] = [
  {
    rule: 'acknowledge only what is durable',
    file: 'src/log/writer.ts', find: 'await flushed;', replace: 'flushed.catch(() => {});', scenario: 'crashes', seeds: 12,
  },
  {
    rule: 'a process that starts never goes on under an old incarnation',
    file: 'src/log/writer.ts', find: 'incarnation ??= mint();', replace: 'incarnation ??= author.node.slice(0, 16);', scenario: 'crashes', seeds: 12,
  },
  {
    rule: 'what the journal holds is taken up at start',
    file: 'src/log/recover.ts', find: 'for (const bytes of records) {', replace: 'for (const bytes of records.slice(0, 0)) {', scenario: 'crashes', seeds: 12,
  },
  {
    rule: 'a new log cites the tips of the earlier ones',
    file: 'src/log/writer.ts', find: 'cites.sort(compareTips).slice(0, CITES)', replace: 'cites.sort(compareTips).slice(0, CITES * 0)', scenario: 'clones', seeds: 20,
  },
  {
    rule: 'stamps rise above all that was seen',
    file: 'src/log/change.ts', find: 'see(this.archive, stamp); }', replace: 'void stamp; }', scenario: 'clocks', seeds: 20,
  },
  {
    rule: 'events with equal stamps have one order',
    file: 'src/log/reader.ts', find: ' || compare(a.node, b.node) || compare(a.incarnation, b.incarnation)', replace: ' || a.i - b.i', scenario: 'clocks', seeds: 20,
  },
  {
    rule: 'holes are asked for',
    file: 'src/sync/offers.ts', find: 'mine.filter((k) => k.item.kind === 1)', replace: 'mine.filter((k) => k.item.kind > 1)', scenario: 'mixed', seeds: 12,
  },
  {
    rule: 'a revocation cuts off what its issuer had not seen',
    file: 'src/node-fleet.ts', find: "return standing.state === 'live' ?", replace: "return standing.state !== 'never' as string ?", scenario: 'fleet', seeds: 12,
  },
  {
    rule: 'signatures are checked',
    file: 'src/event/segment.ts', find: 'if (!crypto.verify(header.node,', replace: 'if (!crypto && !crypto.verify(header.node,', scenario: 'liars', seeds: 12,
  },
  {
    rule: 'what the fan-out lost is asked for',
    file: 'src/sync/fanout-calls.ts', find: 'this.#takeCall(level, id, hex(rest.subarray(0, 8)), now); return true;', replace: 'return true;', scenario: 'brokers', seeds: 6,
  },
  {
    rule: 'what a session showed of one process does not stand for a later one, whose disk may have gone back',
    file: 'src/node-words.ts', find: 'if (!other || word!.made <= over) {', replace: 'if (level.length) {', scenario: 'sticks', seeds: 20,
  },
  {
    rule: 'an import takes in what is held only in part',
    file: 'src/node-import.ts', find: '(span) => span.from <= first && last <= span.to) ?? [];', replace: '(span) => span.from <= first) ?? []; if (spans.length) { done.held++; continue; }', scenario: 'sticks', seeds: 12,
  },
  {
    rule: 'processes of one node go on from logs of their own slot only',
    file: 'src/log/writer.ts', find: 'return slot === undefined || (record', replace: 'return true || (record', scenario: 'server', seeds: 6,
  },
  {
    rule: 'what a dead process had acknowledged is taken over',
    file: 'src/node-shared.ts', find: 'of await this.#shared.orphans())', replace: 'of (await this.#shared.orphans()).slice(99))', scenario: 'server', seeds: 12,
  },
  {
    rule: 'memory follows what other processes of the node commit',
    file: 'src/log/refresh.ts', find: 'if (takeMeta(archive, key, value))', replace: 'if (!value && takeMeta(archive, key, value))', scenario: 'server', seeds: 6,
  },
];
