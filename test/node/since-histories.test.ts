// Cursors through random histories: late and missing segments, crashes, copies, machines that run twice, revocations; whoever goes on from his last cursor misses nothing.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Chance } from '../sim/chance.ts';
import { append, course, follow, found, ids, isFleet, join, segments, start, STREAM, type Machine } from './small-fleet.ts';
import { release, revoke } from '../../src/node-acts.ts';

const test = suite('since histories');

type Act = { kind: 'append' | 'seal' | 'checkpoint' | 'restart' | 'crash' | 'copy' | 'twin' | 'send' | 'fleet' | 'revoke' | 'release' | 'tick' | 'read'; a: number; b: number; n: number };
const acts = fc.array(fc.record<Act>({
  kind: fc.constantFrom('append', 'append', 'seal', 'checkpoint', 'restart', 'restart', 'restart', 'crash', 'copy', 'twin', 'twin', 'send', 'send', 'send', 'send', 'send', 'fleet', 'revoke', 'release', 'tick', 'read', 'read', 'read', 'read'),
  a: fc.nat(9), b: fc.nat(9), n: fc.nat(1_000),
}), { minLength: 30, maxLength: 120, size: 'max' });

test('through any history nothing is left out', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`seed ${seed}`);
  let told = 0, held = 0, resumed = 0;
  const outcome = await fc.check(fc.asyncProperty(acts, async (history) => {
    course.uptime = course.seeds = 0;
    const machines: Machine[] = [await found()];
    for (let i = 0; i < 3; i++) machines.push(await join(machines[0]!));
    for (const one of machines) for (const other of machines) if (one !== other) await other.node.admit(segments(one));
    // Readers at two nodes: the admin, and one that gets its keys from others.
    const readers = [0, 1].map((at) => ({ at, cursor: 'start', told: new Set<string>() }));
    const read = async (reader: typeof readers[number], most: number): Promise<void> => {
      const part = await follow(machines[reader.at]!.node, reader.cursor, most);
      if (reader.cursor !== 'start' && part.told.length > 0) resumed++;
      reader.cursor = part.cursor;
      for (const id of part.told) reader.told.add(id);
      told += part.told.length;
    };
    for (const { kind, a, b, n } of history) {
      course.uptime += n * 10;
      const one = machines[a % machines.length]!;
      // Most go to where somebody reads.
      const other = machines[b < 7 ? b % 2 : b % machines.length]!;
      const chance = new Chance(`${a} ${b} ${n}`);
      switch (kind) {
        case 'append': await append(one, 1 + n % 8, n).catch(() => undefined); break;
        case 'seal': one.node.seal(STREAM); break;
        case 'checkpoint': await one.node.checkpoint(); break;
        case 'restart': await append(one, 1 + n % 3, n).catch(() => undefined); await one.node.close(); machines[a % machines.length] = await start(one, one.disk); break;
        case 'crash': machines[a % machines.length] = await start(one, one.disk.copy(`c${++course.seeds}`)); break;
        case 'copy': if (machines.length < 8 && a % machines.length > 1) machines.push(await start(one, one.disk.copy(`c${++course.seeds}`))); break;
        case 'twin': {
          if (machines.length >= 8 || a % machines.length < 2) break;
          // The same machine, twice, from one snapshot: both go on with one log.
          await one.node.checkpoint();
          const disk = one.disk.copy(`t${++course.seeds}`), same = `${++course.seeds}`;
          await one.node.close();
          const left = await start(one, one.disk, same), right = await start(one, disk, same);
          machines[a % machines.length] = left;
          machines.push(right);
          await append(left, 1 + n % 5, n).catch(() => undefined);
          await append(right, 1 + n % 7, n + 1).catch(() => undefined);
          break;
        }
        case 'send': case 'fleet': {
          const all = chance.shuffle(segments(one)), fleetOnly = kind === 'fleet';
          const some = all.filter((bytes) => fleetOnly ? isFleet(bytes) : chance.int(0, 999) < n);
          for (let i = 0; i < some.length; i += 5) await other.node.admit(some.slice(i, i + 5));
          break;
        }
        case 'revoke': if (a % machines.length > 1) await revoke(machines[0]!.node, one.node.id, 'why').catch(() => undefined); break;
        case 'release': if (a % machines.length > 1) await release(machines[0]!.node, one.node.id).catch(() => undefined); break;
        case 'tick': one.node.tick(); break;
        case 'read': await read(readers[b % 2]!, n % 4 === 0 ? 1 + n % 30 : Infinity); break;
      }
    }
    for (const reader of readers) {
      await read(reader, Infinity);
      const all = await ids(machines[reader.at]!.node);
      held += all.length;
      const left = all.filter((id) => !reader.told.has(id));
      assert.equal(left, [], `left out at machine ${reader.at}`);
    }
    for (const { node } of machines) await node.close();
  }), { numRuns: Number(process.env['RUNS'] ?? 120), seed, ...(process.env['AT'] && { path: process.env['AT'] }), endOnFailure: process.env['SHRINK'] === undefined, includeErrorInReport: true });
  assert.not(outcome.failed, `this history again: SEED=${seed} AT=${outcome.counterexamplePath} npm test -- since-histories (SHRINK=1 looks for a shorter one)\n${await fc.asyncDefaultReportMessage(outcome)}`);
  if (process.env['AT'] !== undefined) return;
  console.log(`${held} events held in the end, ${told} told in ${resumed} readings that went on from a cursor`);
  assert.ok(held > 1_000 && resumed > 100);
});

test.run();
