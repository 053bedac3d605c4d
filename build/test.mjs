// `npm test [-- substring…]`: type checks, lint, and every test/**/*.test.ts in a process of its own, two at a time, with a timeout and honest totals.

import { ensure } from './ensure.mjs';
await ensure();
const { runTests } = await import('./suite.mjs');
process.exitCode = await runTests(process.argv.slice(2));
