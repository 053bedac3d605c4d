// timeout: 600s
// Simulated worlds, part 3 of 4: see seeds.ts.

import { worlds } from './seeds.ts';

worlds(101, 50);
