// Inputs: readings a second from a file, a pipe's worth of CSV, and posts, to durable events; beside appends of the same events in batches of 256.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { nodeDatabase, type Place } from '../../targets/program/direct.ts';
import { INPUT_KINDS } from '../../targets/program/input-kinds.ts';
import { startInputs, type Inputs } from '../../targets/program/input-runner.ts';
import { parseInputs } from '../../targets/program/input-settings.ts';
import { openBenchNode } from './bench-node.ts';
import { freshFolder, inTurns, pause, perSecond, say, tell } from './rows.ts';
import { readings } from './trace.ts';

const EVENTS = 200_000, POST = 100;
const all = readings(EVENTS);
const json = all.map(({ key, time, body }) => JSON.stringify({ device: key, ts: time, ...body }));
const names = Object.keys(all[0]!.body);
const csv = all.map(({ key, time, body }) => [key, time, ...names.map((name) => body[name])].join(','));

/** Runs one input on a node of its own until `done` readings are dealt with; readings a second. */
async function through(toml: string, feed: (inputs: Inputs) => Promise<void>, done: number): Promise<number> {
  const { node, folder, stop } = await openBenchNode(freshFolder('node'));
  const { append } = nodeDatabase({ node, home: {} } as Place);
  const inputs = parseInputs(parse(`[[input]]\nname = "x"\nkey = "{device}"\ntime = "ts"\n${toml}`)['input'], () => 'bench', INPUT_KINDS);
  const since = performance.now();
  const running = startInputs({ inputs, kinds: INPUT_KINDS, append, dir: folder, node: 'bench', notice: say });
  await feed(running);
  const dealt = (): number => running.report().reduce((sum, each) => sum + each.recorded + each.unchanged, 0);
  while (dealt() < done) await pause(1);
  const rate = perSecond(done, since);
  await running.stop();
  await stop();
  return rate;
}

const place = freshFolder('files');
const jsonFile = join(place, 'x.ndjson'), csvFile = join(place, 'x.csv');
writeFileSync(jsonFile, `${json.join('\n')}\n`);
writeFileSync(csvFile, `device,ts,${names.join(',')}\n${csv.join('\n')}\n`);
const file = (path: string, more = '') => through(`kind = "file"\npath = ${JSON.stringify(path)}\nfrom = "start"\n${more}`, () => Promise.resolve(), EVENTS);

async function posted(inputs: Inputs): Promise<void> {
  while (inputs.report()[0]!.words !== 'waits for posts') await pause(1);
  let at = 0;
  await Promise.all([1, 2, 3, 4].map(async () => {
    while (at < EVENTS) {
      const part = json.slice(at, at += POST);
      await inputs.acceptPost('x', 'application/json', Buffer.from(`[${part.join(',')}]`));
    }
  }));
}

async function appended(): Promise<number> {
  const { node, stop } = await openBenchNode(freshFolder('node'));
  const since = performance.now();
  for (let at = 0; at < EVENTS; at += 256) await node.append('telemetry', all.slice(at, at + 256));
  const rate = perSecond(EVENTS, since);
  await stop();
  return rate;
}

say('inputs: a file of JSON and of CSV, with a deadband, and posts');
const [lines, columns, banded, posts, direct] = await inTurns(2, [
  () => file(jsonFile), () => file(csvFile, 'format = "csv"'), () => file(jsonFile, 'deadband = { "*" = "5%" }'), () => through('kind = "http"', posted, EVENTS), appended,
]) as [number, number, number, number, number];
const baseline = { what: 'append of 256 at a time', value: direct };
tell({ what: 'input file, lines of JSON', value: lines, unit: 'events/s', baseline });
tell({ what: 'input file, CSV', value: columns, unit: 'events/s', baseline });
tell({ what: 'input file, JSON, deadband 5 %', value: banded, unit: 'readings/s', baseline });
tell({ what: `input http, JSON, ${POST} a post, 4 at a time`, value: posts, unit: 'events/s', baseline });
