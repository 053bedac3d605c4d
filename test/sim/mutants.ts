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
    rule: 'a restarted process never goes on under an old incarnation',
    file: 'src/log/writer.ts', find: 'incarnation ??= archive.random.bytes(16);', replace: 'incarnation ??= author.node.slice(0, 16);', scenario: 'crashes', seeds: 12,
  },
  {
    rule: 'a new log cites the tips of the earlier ones',
    file: 'src/log/writer.ts', find: 'sortTips(cites.sort(compareTips).slice(0, CITES))', replace: 'sortTips(cites.sort(compareTips).slice(0, CITES * 0))', scenario: 'clones', seeds: 20,
  },
  {
    rule: 'stamps rise above all that was seen',
    file: 'src/log/change.ts', find: 'see(this.archive, stamp); }', replace: 'void stamp; }', scenario: 'clocks', seeds: 20,
  },
];
