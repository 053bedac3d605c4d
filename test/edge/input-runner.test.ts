// Inputs going together: every reading is accounted for, none of them can stop or starve another, and a log that fails loses nothing without a word.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Fault } from '../../src/fault.ts';
import type { InputReport } from '../../targets/program/database.ts';
import type { NodeContext } from '../../targets/program/input.ts';
import { fakeLog, pause, playedKind, run, until } from './input-sources.ts';

const FULL = new Fault('store-full', 'There is no room left.');

function balanced(report: InputReport): InputReport {
  assert.is(report.accepted, report.recorded + report.unchanged + report.lost + report.waiting, JSON.stringify({ ...report, samples: [] }));
  return report;
}

/** Says so many numbered readings. */
async function count(context: NodeContext, many: number, from = 0): Promise<void> {
  for (let n = from; n < from + many; n++) await context.accept({ value: { n }, raw: String(n) });
}

test('readings become events, in order, in batches; the report tells all of it', async () => {
  const log = fakeLog();
  const inputs = run('[[input]]\nkind = "played"\nname = "a"\nkey = "k"\n[[input]]\nkind = "played"\nstream = "other"', log, { kinds: { played: playedKind((context) => count(context, 1_000)) } });
  await until(() => log.all().length === 2_000);
  await until(() => inputs.report().every(({ recorded }) => recorded === 1_000));
  assert.equal(log.all('telemetry').map(({ body }) => (body as { n: number }).n), Array.from({ length: 1_000 }, (_, n) => n));
  assert.ok(log.batches.every(({ drafts, urgent }) => drafts.length <= 256 && !urgent));
  const [first, second] = inputs.report().map(balanced) as [InputReport, InputReport];
  assert.equal([first.name, first.kind, first.ok, first.accepted, first.refused, first.lost, second.name], ['a', 'played', true, 1_000, 0, 0, 'played-2']);
  assert.ok(first.last! > 1e12);
  assert.is(log.all('telemetry')[0]!.key, 'k');
  await inputs.stop();
});

test('one that is urgent does not wait for others', async () => {
  const log = fakeLog();
  const inputs = run('[[input]]\nkind = "played"\nurgent = true', log, { kinds: { played: playedKind((context) => count(context, 3)) } });
  await until(() => log.all().length === 3);
  assert.ok(log.batches.every(({ urgent }) => urgent));
  await inputs.stop();
});

test('what is refused is kept as a sample with its reason, the last ten, short', async () => {
  const log = fakeLog();
  log.reject = ({ body }) => (body as { n?: number }).n === 7;
  const inputs = run('[[input]]\nkind = "played"', log, {
    kinds: {
      played: playedKind(async (context) => {
        for (let i = 0; i < 20; i++) context.refuse('bad-encoding', `no ${i}`, 'x'.repeat(1e6));
        await context.accept({ value: { a: NaN }, raw: new Uint8Array([0xff, 0x41, 0]) });
        await count(context, 10);
      }),
    },
  });
  await until(() => inputs.report()[0]!.recorded === 9);
  const report = balanced(inputs.report()[0]!);
  assert.equal([report.accepted, report.refused, report.samples.length], [9, 22, 10]);
  assert.equal(report.samples.slice(-2).map(({ code, reason, text, cut }) => [code, reason, text, cut]), [
    ['bad-value', 'body.a: NaN is not a number that can be recorded', '\\xffA\\x00', false], ['bad-event', 'not this one', '7', false],
  ]);
  assert.is(report.samples[0]!.text, 'x'.repeat(256));
  assert.ok(report.samples[0]!.cut);
  await inputs.stop();
});

test('an input that fails is started again; one that cannot work says so; neither disturbs the others', async () => {
  const log = fakeLog(), notices: string[] = [];
  let starts = 0;
  const inputs = run('[[input]]\nkind = "fails"\n[[input]]\nkind = "hopeless"\n[[input]]\nkind = "thrown"\n[[input]]\nkind = "good"', log, {
    notices,
    kinds: {
      fails: playedKind(async (context) => {
        if (++starts === 1) throw new Error('the cable is loose');
        await count(context, 5);
      }),
      hopeless: { options: [], waits: true, start: () => Promise.reject(new Fault('bad-config', 'There is no such port.')) },
      thrown: { options: [], waits: true, start: () => { throw new TypeError('a mistake of the program'); } },
      good: playedKind((context) => count(context, 5)),
    },
  });
  await until(() => inputs.report()[3]!.recorded === 5);
  await until(() => inputs.report()[0]!.words.includes('starts again'));
  assert.equal(inputs.report().map(({ ok }) => ok), [false, false, false, true]);
  assert.match(inputs.report()[0]!.words, /^the cable is loose; it starts again in 1 s$/);
  assert.is(inputs.report()[1]!.words, 'There is no such port.');
  await until(() => inputs.report()[0]!.recorded === 5);
  assert.ok(inputs.report()[0]!.ok);
  assert.is(notices.filter((text) => text.includes('the cable is loose')).length, 1);
  await inputs.stop();
});

test('a source that never runs dry leaves room for timers and other inputs', async () => {
  const log = fakeLog();
  let slow = 0;
  const inputs = run('[[input]]\nkind = "fast"\nstream = "fast"\n[[input]]\nkind = "garbage"\n[[input]]\nkind = "slow"\nstream = "slow"', log, {
    kinds: {
      fast: playedKind(async (context) => { for (let n = 0; !context.signal.aborted; n++) await context.accept({ value: n, raw: '' }); }),
      garbage: playedKind(async (context) => { while (!context.signal.aborted) await context.accept({ value: undefined, raw: 'garbage' }); }),
      slow: playedKind(async (context) => {
        while (slow < 20 && !context.signal.aborted) {
          await pause(5);
          await context.accept({ value: ++slow, raw: '' });
        }
      }),
    },
  });
  await until(() => log.all('slow').length === 20);
  assert.ok(log.all('fast').length > 1_000);
  assert.ok(inputs.report()[1]!.refused > 1_000);
  inputs.report().forEach(balanced);
  await inputs.stop();
  log.batches.length = 0;
});

test('no room in the store: a source that can wait waits, and nothing of it is lost', async () => {
  const log = fakeLog();
  log.fail = FULL;
  let said = 0;
  const inputs = run('[[input]]\nkind = "file-like"', log, {
    kinds: { 'file-like': playedKind(async (context) => { for (; said < 5_000 && !context.signal.aborted; said++) await context.accept({ value: { n: said }, raw: '' }); }) },
  });
  await until(() => !inputs.report()[0]!.ok);
  await pause(100);
  const report = balanced(inputs.report()[0]!);
  assert.ok(report.waiting <= 1_024 && said <= 1_024, `${said} said, ${report.waiting} wait`);
  assert.match(report.words, /^\d+ readings wait to be recorded: There is no room left\.$/);
  log.fail = undefined;
  await until(() => inputs.report()[0]!.recorded === 5_000);
  assert.equal(log.all().map(({ body }) => (body as { n: number }).n), Array.from({ length: 5_000 }, (_, n) => n));
  assert.ok(inputs.report()[0]!.ok);
  await inputs.stop();
});

test('no room in the store: of a source that cannot wait the newest are kept, the lost counted, and it is said', async () => {
  const log = fakeLog(), notices: string[] = [];
  log.fail = FULL;
  const inputs = run('[[input]]\nkind = "radio"\nstream = "{s}"', log, {
    notices,
    kinds: { radio: playedKind(async (context) => { for (let n = 0; n < 20_000; n++) await context.accept({ value: { n, s: n % 2 === 0 ? 'even' : 'odd' }, raw: '' }); }, false) },
  });
  await until(() => inputs.report()[0]!.accepted === 20_000);
  const report = balanced(inputs.report()[0]!);
  assert.ok(report.waiting <= 5_000 && report.lost >= 15_000, `${report.waiting} wait, ${report.lost} lost`);
  assert.is(report.lostWhy, 'There is no room left.');
  assert.equal(notices, ['input radio-1 loses readings: There is no room left.']);
  log.fail = undefined;
  await until(() => balanced(inputs.report()[0]!).waiting === 0);
  const numbers = log.all('even').map(({ body }) => (body as { n: number }).n);
  assert.is(numbers.at(-1), 19_998);
  assert.equal(numbers, [...numbers].sort((a, b) => a - b));
  assert.is(log.all().length, 20_000 - inputs.report()[0]!.lost);
  await inputs.stop();
});

test('deadbands and intervals: counted apart; what is held is recorded at the end of its interval, or of the node', async () => {
  const log = fakeLog();
  let over = () => {};
  const end = new Promise<void>((resolve) => (over = resolve));
  const inputs = run('[[input]]\nkind = "played"\nkey = "{k}"\ndeadband = { t = 1 }\nmin_interval = "200ms"', log, {
    kinds: {
      played: playedKind(async (context) => {
        for (const [k, t] of [['a', 0], ['a', 0.5], ['a', 5], ['a', 9], ['b', 1]] as const) await context.accept({ value: { k, t }, raw: '' });
        await end;
        for (const t of [20, 30]) await context.accept({ value: { k: 'c', t }, raw: '' });
      }),
    },
  });
  await until(() => inputs.report()[0]!.accepted === 5);
  const early = balanced(inputs.report()[0]!);
  assert.is(early.unchanged, 2);
  await until(() => inputs.report()[0]!.recorded === 3);
  assert.equal(log.all().map(({ key, body }) => [key, (body as { t: number }).t]), [['a', 0], ['b', 1], ['a', 9]]);
  over();
  await until(() => inputs.report()[0]!.accepted === 7);
  await inputs.stop();
  assert.equal(log.all().slice(3).map(({ key, body }) => [key, (body as { t: number }).t]), [['c', 20], ['c', 30]]);
  assert.equal([balanced(inputs.report()[0]!).waiting, inputs.report()[0]!.lost], [0, 0]);
});

test('each reading is told what became of it, once', async () => {
  const log = fakeLog();
  const told: string[] = [];
  const inputs = run('[[input]]\nkind = "played"\ndeadband = {}', log, {
    kinds: {
      played: playedKind(async (context) => {
        for (const value of [1, 1, NaN]) await context.accept({ value, raw: '', done: (became, why, code) => told.push(`${String(value)} ${became}${why === undefined ? '' : ` ${code}`}`) });
      }),
    },
  });
  await until(() => told.length === 3);
  await inputs.stop();
  assert.equal(told.sort(), ['1 recorded', '1 unchanged', 'NaN refused bad-value']);
});

test('a disk that hangs does not keep the node from stopping; what was not known to be recorded is said to be lost', async () => {
  const log = fakeLog();
  log.hang = true;
  const inputs = run('[[input]]\nkind = "played"', log, { kinds: { played: playedKind((context) => count(context, 300)) } });
  await until(() => inputs.report()[0]!.accepted === 300);
  await inputs.stop();
  const report = balanced(inputs.report()[0]!);
  assert.equal([report.lost, report.waiting], [300, 0]);
  log.hang = false;
  await pause(20);
  balanced(inputs.report()[0]!);
});

test('an input that will not stop is left behind', async () => {
  const log = fakeLog();
  const never = new Promise<void>(() => {});
  let late: NodeContext | undefined;
  const inputs = run('[[input]]\nkind = "stubborn"', log, {
    kinds: { stubborn: { options: [], waits: true, start: (_, context) => { late = context; return Promise.resolve({ ended: never, stop: () => never }); } } },
  });
  await until(() => late !== undefined);
  await inputs.stop();
  let became = '';
  await late!.accept({ value: 1, raw: '', done: (what) => { became = what; } });
  assert.equal([became, log.all().length, inputs.report()[0]!.accepted], ['lost', 0, 0]);
});

test('posts to an input that is not there are refused', async () => {
  const inputs = run('[[input]]\nkind = "played"\nname = "a"', fakeLog(), { kinds: { played: playedKind(() => {}) } });
  for (const name of ['a', 'b', '__proto__']) {
    const error = await inputs.acceptPost(name, 'application/json', new Uint8Array()).then(() => undefined, (each: unknown) => each);
    assert.is((error as Fault).code, 'not-found');
  }
  await inputs.stop();
});

test.run();
