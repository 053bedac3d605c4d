// The link inside one process that tests and benchmarks of nodes use: it promises what every link does.
import { linkPair } from '../bench/memory-link.ts';
import { linkConformance } from './link-conformance.ts';

const pairOf = (deaf: boolean) => {
  const { a, b, wake } = linkPair(0, deaf);
  return { left: a, right: b, link: a, wake, stop: () => { a.close(); b.close(); return Promise.resolve(); } };
};

linkConformance('memory', { pair: () => Promise.resolve(pairOf(false)), deaf: () => Promise.resolve(pairOf(true)) });
