// `npm run demo`: a server, three gateways, a broker, a serial line and a stick on this machine, with a script that cuts them apart and a check after every step.

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { record, room } from './demo-climate.mjs';
import { freePort, nodeOn, programs, stage } from './demo-fleet.mjs';

const HELP = `npm run demo [-- FLAGS]: about three minutes of a fleet on this machine, with nothing to install

  --fast   the same without pauses to look around, in less than a minute
  --stay   when the script is through, everything stays up until Ctrl-C
  --keep   keep the folder with all nodes and their logs

Ctrl-C ends everything and removes the folder. Exit status 0 only if all checks held and all nodes hold the same in the end.`;
const FLAGS = ['--fast', '--stay', '--keep', '--help', '-h'];

/** How long something may take until it is seen at the other end, ms. */
const ARRIVES_MS = 120_000;

class Over extends Error {}
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Returns the exit code. */
export async function main(args) {
  const odd = args.find((arg) => !FLAGS.includes(arg));
  if (odd !== undefined || args.includes('--help') || args.includes('-h')) {
    (odd === undefined ? console.log : console.error)(odd === undefined ? HELP : `demo: what is ${odd}?\n\n${HELP}`);
    return odd === undefined ? 0 : 2;
  }
  const fast = args.includes('--fast'), keep = args.includes('--keep'), began = performance.now();
  let over = false, wake = () => {};
  const stopped = new Promise((resolve) => { wake = resolve; });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => { over = true; wake(); });

  const say = (text) => console.log(text);
  const clock = () => { const s = Math.floor((performance.now() - began) / 1_000); return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`; };
  const act = {
    fast, keep, stay: args.includes('--stay'), stopped, say,
    step: (title) => say(`\n[${clock()}] ${title}`),
    look: (text) => say(`  look: ${text}`),
    /** Time to look around. */
    hold: (seconds) => sleep(seconds * 1_000 / (fast ? 20 : 1)),
    /** Waits until a check holds; fails when it does not in time. */
    async until(what, check, ms = ARRIVES_MS) {
      for (const from = performance.now(); !await check();) {
        if (performance.now() - from > ms) throw new Error(`not so within ${ms / 1_000} s: ${what}`);
        await sleep(250);
      }
      say(`  ok: ${what}`);
    },
    /** A check that must hold at once. */
    async must(what, check) {
      if (!await check()) throw new Error(`not so: ${what}`);
      say(`  ok: ${what}`);
    },
  };

  const place = stage(), feeds = [];
  let code = 1;
  try {
    const told = programs(say).then((both) => script(act, place, feeds, both));
    // When everything is to end nothing of it is waited for.
    told.catch(() => {});
    await Promise.race([told, stopped.then(() => { throw new Over(); })]);
    code = 0;
    if (act.stay) {
      say('\nEverything stays up until Ctrl-C.');
      await stopped;
    }
  } catch (error) {
    if (over) code = 130;
    else say(`\nFAILED [${clock()}]: ${error.message}${keep ? '' : '\nWith --keep the folder with the logs stays.'}`);
  }
  for (const stop of feeds) stop();
  await place.clear(keep);
  say(keep ? `\nEverything was ended; ${place.folder} stays.` : '\nEverything was ended, and the folder removed.');
  return code;
}

/** The story. Whatever is checked and does not hold rejects. */
async function script(act, place, feeds, { edge, server }) {
  const { step, look, hold, until, must, say } = act;
  const [hq, farm, mine, island] = [['hq', server], ['farm', edge], ['mine', edge], ['island', edge]].map(([name, program]) => nodeOn(place, name, program));
  const all = [hq, farm, mine, island], edges = [farm, mine, island];
  const brokerPort = await freePort(), broker = `mqtt://127.0.0.1:${brokerPort}`, pages = new Map();
  for (const node of all) pages.set(node, await freePort());
  const [lineHq, lineMine] = ['line-hq', 'line-mine'].map((name) => `serial:${join(place.folder, name)}?baud=${place.baud}`);
  const metrics = act.fast ? 1 : 2;
  const links = new Map([[hq, ['--peers', broker]], [farm, ['--peers', broker]], [mine, ['--peers', lineMine]], [island, []]]);
  const begin = (node, seconds) => node.start([...links.get(node), '--http', `127.0.0.1:${pages.get(node)}`, '--metrics-seconds', String(node === hq ? 0 : seconds)], node === hq ? { HOLDFAST_LISTEN: lineHq } : {});

  step('A fleet is founded, and three gateways join it by token. Neither needs a connection.');
  say(`  folder ${place.folder}`);
  await hq.command(['init', '--name', 'hq', '--fleet', 'demo']);
  let brokerPart = await place.broker(brokerPort);
  const line = await place.line(join(place.folder, 'line-hq'), join(place.folder, 'line-mine'));
  await begin(hq, 0);
  for (const node of edges) {
    const { token } = await hq.json(['invite']);
    await node.command(['join', '-', '--name', node.name], token);
    // Its sensors: a file that grows.
    const file = join(place.folder, `${node.name}-sensors.ndjson`);
    appendFileSync(join(node.dir, 'holdfast.toml'), `\n[[input]]\nkind = "file"\nname = "sensors"\npath = ${JSON.stringify(file)}\nfrom = "start"\nstream = "climate"\nkey = "{sensor}"\ntype = "climate"\ntime = { field = "time", as = "ms" }\n`);
    feeds.push(record(file, SENSORS[node.name].map(([name, ...its]) => [name, room(...its)]), act.fast ? 250 : 1_000));
  }

  step('All is up: the server hq on PostgreSQL, a broker, a serial line of two ptys, and the gateways.');
  for (const node of edges) await begin(node, metrics);
  say(`  hq      the server, with its dashboard    ${hq.url}`);
  say(`  farm    linked over MQTT                  ${farm.url}`);
  say(`  mine    linked over a serial line         ${mine.url}`);
  say(`  island  without any line: by stick alone  ${island.url}`);
  say('  Each gateway records the load and memory of this machine, for real, and rooms whose climate is made up.');
  look('open the page of hq: its nodes, who is in contact, and the streams as they grow. (Each link opens one page; the token in it is for you alone.)');
  for (const node of [farm, mine]) {
    await node.note(`hello ${node.name}`, `${node.name} is here`);
    await until(`hq has heard of ${node.name}`, () => hq.has(`hello ${node.name}`));
  }
  await island.note('hello island', 'nobody hears this yet');
  await hold(25);

  step('The serial line is cut. The mine goes on recording.');
  line.cut();
  await mine.note('cut off mine', 'written while the line was cut');
  look('on the page of hq the last contact with the mine grows older; on the page of the mine its events go on.');
  await hold(20);
  await must('the mine holds what it recorded meanwhile', () => mine.has('cut off mine'));
  await must('hq does not have it', async () => !await hq.has('cut off mine'));

  step('The broker is killed as well. Nothing is linked to anything now; every node goes on.');
  await place.end(brokerPart, true);
  await farm.note('cut off farm', 'written while the broker was down');
  await hq.note('cut off hq', 'written at hq while everything was cut');
  look('every page still answers, reads and records: no node waits for another one.');
  await hold(20);
  await must('hq does not have what the farm wrote', async () => !await hq.has('cut off farm'));
  await must('the farm does not have what hq wrote', async () => !await farm.has('cut off hq'));

  step('The plug of the farm is pulled (kill -9), and put in again.');
  const before = (await farm.digest()).events;
  await farm.pull();
  await begin(farm, metrics);
  await must(`nothing that it had acknowledged is lost: ${before.toLocaleString('en')} events before, and what was written last is there`, async () => (await farm.digest()).events >= before && await farm.has('cut off farm'));
  await must('everything in it is whole: every hash, every signature', async () => (await farm.json(['verify'])).damaged.length === 0);
  look('the page of the farm says how long it has been up: it began again, with all that it held.');
  await hold(10);

  step('The line is mended.');
  line.heal();
  await until('hq has what the mine wrote meanwhile', () => hq.has('cut off mine'));
  await until('the mine has what hq wrote meanwhile', () => mine.has('cut off hq'));
  look('on the page of hq the mine is in contact again, and its streams have no gap.');
  await hold(15);

  step('The broker is started again.');
  brokerPart = await place.broker(brokerPort);
  await until('hq has what the farm wrote meanwhile', () => hq.has('cut off farm'));
  await until('the farm has what the mine wrote, by way of hq: over a serial line, PostgreSQL and MQTT', () => farm.has('cut off mine'));
  await hold(15);

  step('A stick goes to the island and back.');
  const out = await stick(place, island, hq, 'first');
  say(`  the island wrote ${out.made.events.toLocaleString('en')} events on the stick, hq took in ${out.taken.events.toLocaleString('en')}`);
  await must('hq has what the island wrote before anybody knew of it', () => hq.has('hello island'));
  const back = await stick(place, hq, island, 'second', ['--for', 'island']);
  say(`  hq wrote ${back.made.events.toLocaleString('en')} events on the stick, the island took in ${back.taken.events.toLocaleString('en')}`);
  await must('the island has what the others wrote', async () => (await Promise.all(['cut off mine', 'cut off farm', 'cut off hq'].map((key) => island.has(key)))).every(Boolean));
  look('the page of hq has a fourth node now, the island, with what it has recorded all along.');
  await hold(20);

  step('The sensors fall silent, the nodes are started once more without recording, and everything is compared.');
  for (const stop of feeds.splice(0)) stop();
  for (const node of edges) {
    await node.stop();
    await begin(node, 0);
  }
  await stick(place, island, hq, 'third');
  await level(act, [hq, farm, mine]);
  await stick(place, hq, island, 'fourth', ['--for', 'island']);
  await level(act, all);
  for (const node of all) {
    const { digest, events } = await node.digest();
    say(`  ${node.name.padEnd(7)} ${digest.slice(0, 24)}…  ${events.toLocaleString('en')} events`);
  }
  await must('every byte at hq is whole as well', async () => (await hq.json(['verify'])).damaged.length === 0);
  say('\nAll four hold the same.');
}

/** Sensors of each node: name, seed, mean and swing of the temperature. */
const SENSORS = {
  farm: [['barn/stable', 1, 14, 6], ['barn/loft', 2, 17, 11], ['barn/milk tank', 3, 4, 0.6]],
  mine: [['shaft/pump room', 4, 12, 0.4], ['shaft/face 3', 5, 19, 1]],
  island: [['clinic/fridge', 6, 5, 0.5], ['clinic/ward', 7, 22, 3]],
};

/** Carries what one node has for others to another one, in a folder. Status 3 of an import says that a volume that was told of was not there. */
async function stick(place, from, to, name, flags = []) {
  const folder = join(place.folder, `stick-${name}`);
  const made = await from.json(['export', folder, ...flags]);
  return { made, taken: await to.json(['import', folder]) };
}

/** Waits until nodes hold the same. */
async function level({ until }, nodes) {
  await until(`${nodes.map(({ name }) => name).join(', ')} hold the same`, async () => new Set(await Promise.all(nodes.map(async (node) => (await node.digest()).digest))).size === 1);
}
