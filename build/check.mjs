// The checks that read the sources instead of running them: types of everything, types of the pure core, lint.

import { join } from 'node:path';
import { ROOT } from './esbuild.mjs';

const bin = (name) => join(ROOT, 'node_modules/.bin', name);

/** Each check is one command that must end with 0. */
export const checks = [
  { name: 'types', command: bin('tsc'), args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'core-types', command: bin('tsc'), args: ['-p', 'src', '--noEmit'] },
  { name: 'page-types', command: bin('tsc'), args: ['-p', 'targets/page', '--noEmit'] },
  // With types, so that a promise that nobody waits for is an error.
  { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--deny-warnings', 'src', 'targets', 'test', 'build'] },
];
