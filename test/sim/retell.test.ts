// Rows beside the segments can be made anew: a database whose rows were lost or doubled shows each event once again.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { retell } from '../../src/node-retell.ts';
import { append } from './acts-write.ts';
import { checkRows } from './acts-server.ts';
import { scenarioOf } from './scenarios.ts';
import { SharedDatabase } from './shared-store.ts';
import { World } from './world.ts';

const test = suite('rows made anew');

test('rows that were lost and rows that stand twice', async () => {
  const world = new World(7, { ...scenarioOf(0, 'server'), name: 'retell' }), { timeline, ledger } = world;
  let over = false;
  const told = (async (): Promise<void> => {
    const machine = world.add('a');
    machine.database = new SharedDatabase(machine.disk);
    await world.foundOn(machine);
    for (let n = 0; n < 12; n++) {
      await append(world, machine, { stream: n % 2 ? 'telemetry' : 'alarms', count: 60 });
      await timeline.sleep(6_000); // live segments, then longer runs in their place
    }
    const { rows } = machine.database;
    await checkRows(world, machine);
    assert.equal(ledger.problems, []);
    const names = [...rows.keys()].filter((name) => !name.startsWith('$'));
    names.forEach((name, i) => { if (i % 3 === 0) rows.delete(name); else if (i % 3 === 1) rows.set(name, 2); });
    await checkRows(world, machine);
    assert.ok(ledger.problems.length > 10, `the check sees it: ${ledger.problems.length} of ${names.length}`);
    ledger.problems.length = 0;
    let last = 0;
    assert.is(await machine.ask((node) => retell(node, (events) => { last = events; })), names.length);
    assert.is(last, names.length);
    await checkRows(world, machine);
    assert.equal(ledger.problems, []);
    assert.is([...rows.keys()].filter((name) => !name.startsWith('$')).length, names.length);
  })().finally(() => { over = true; });
  await timeline.run(86_400_000, () => over);
  await told;
});

test.run();
