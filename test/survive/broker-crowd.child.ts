// Several nodes in one process, each with its control socket, at one broker: fifty processes would be too many for a small machine.
import { openStation } from '../../targets/program/station.ts';
import { EDGE } from '../../targets/edge/target.ts';
import { use } from '../../targets/program/target.ts';

use(EDGE);

/** Directories of nodes, and the broker's URL. */
export interface Crowd { dirs: string[]; url: string }

const { dirs, url } = JSON.parse(process.argv[2]!) as Crowd;
const stations = await Promise.all(dirs.map((dir) => openStation(dir, {
  settings: { windowMs: 500, clock: 'auto' }, control: true, notice: (text) => console.log(`notice ${text}`), fatal: (error) => { console.log(`fatal ${String(error)}`); process.exit(3); },
})));
for (const { links } of stations) links.keep({ url });
console.log('open');
process.on('SIGTERM', () => { void Promise.all(stations.map((station) => station.close())).then(() => process.exit(0)); });
