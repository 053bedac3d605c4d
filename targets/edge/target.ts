// The edge: all commands, on LMDB.

import { WINDOW_MS } from '../../src/limits.ts';
import { COMMANDS } from '../program/commands.ts';
import type { Target } from '../program/target.ts';

/** The edge as the program sees it; the database engine is loaded when a command asks for it. */
export const EDGE: Target = {
  commands: COMMANDS, settings: [], defaults: { dir: './holdfast-data', windowMs: WINDOW_MS, metricsSeconds: 10 },
  medium: async () => (await import('./home.ts')).lmdbMedium,
};
