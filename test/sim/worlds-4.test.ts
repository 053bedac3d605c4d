// timeout: 600s
// Simulated worlds, part 4 of 4: see seeds.ts.

import { worlds } from './seeds.ts';

worlds(151, 50);
