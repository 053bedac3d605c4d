// timeout: 600s
// Simulated worlds, part 1 of 4: see seeds.ts.

import { worlds } from './seeds.ts';

worlds(1, 50);
