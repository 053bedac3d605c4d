// timeout: 600s
// Simulated worlds, part 2 of 4: see seeds.ts.

import { worlds } from './seeds.ts';

worlds(51, 50);
