// Recorded data that lies beside the repository and not in it: tests that need it are skipped by name where it is missing.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of recorded data: HOLDFAST_FIXTURES, else ../shared/data seen from the root of the repository. */
const FOLDER = resolve(process.env['HOLDFAST_FIXTURES'] ?? '../shared/data');

/**
 * The path of a recording, or undefined where it is missing:
 * `const trace = fixture('room-climate-a.csv.gz'); (trace ? test : test.skip)('name', () => { … });`
 */
export function fixture(name: string): string | undefined {
  const path = join(FOLDER, name);
  return existsSync(path) ? path : undefined;
}
