// A node that follows a file until it is ended: prints the number of each line as it becomes durable.

import { nodeDatabase, type Place } from '../../targets/program/direct.ts';
import { openBenchNode } from '../bench/bench-node.ts';
import { run } from './input-sources.ts';

const [dir, log] = process.argv.slice(2) as [string, string];
const { node, stop } = await openBenchNode(dir);
// Of its place in the program only the node is needed to append.
const { append } = nodeDatabase({ node, home: {} } as Place);
node.follow('telemetry', {}, ({ body }) => process.stdout.write(`${(body as { n: number }).n}\n`));
const inputs = run(`[[input]]\nkind = "file"\nname = "log"\npath = ${JSON.stringify(log)}\nfrom = "start"`, { append }, { dir });
process.stdout.write('going\n');
process.once('SIGTERM', () => void inputs.stop().then(stop).then(() => process.exit(0)));
