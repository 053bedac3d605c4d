// The [[link]] tables: every mistake is named, and a budget is never exceeded by more than what was on its way.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { account } from '../../targets/program/link-budget.ts';
import { parseLinks, readBudget } from '../../targets/program/link-settings.ts';
import { parseConfig } from '../../targets/program/config-file.ts';

const test = suite('link settings');

test('what is right is read', async () => {
  const { link } = await parseConfig('peers = []\n[[link]]\nurl = "tcp://hq:7700"\npreference = "alternate"\nbudget = "200 MB/month"\n[[link]]\nurl = "mqtt://broker"\n', 'x');
  assert.equal(link, [{ url: 'tcp://hq:7700', preference: 1, budget: { bytes: 200e6, ms: 30 * 86_400_000 } }, { url: 'mqtt://broker' }]);
  for (const [written, bytes, ms] of [['50 kB/hour', 50e3, 3_600_000], ['1.5MiB/day', 1_572_864, 86_400_000], ['2GB/week', 2e9, 7 * 86_400_000]] as const) assert.equal(readBudget(written), { bytes, ms });
});

test('what is wrong is named with its line', async () => {
  for (const [text, word] of [
    ['[[link]]\nurl = "tcp://a"\n[[link]]\nurl = 7', 'x, line 3: this link has no url'], ['[[link]]\nurl = "nonsense"', 'line 1'], ['[[link]]\nurl = "tcp://a"\npreference = "primry"', 'Did you mean primary?'],
    ['[[link]]\nurl = "tcp://a"\nbuget = "1MB/day"', 'Did you mean budget?'], ['[[link]]\nurl = "tcp://a"\nbudget = "much"', 'bytes in a time'], ['[[link]]\nurl = "mqtt://a"\nbudget = "1MB/day"', 'tcp links'], ['[[link]]\nurl = "tcp://a"\nbudget = "5 kB/day"', 'at least'],
  ] as const) {
    try { await parseConfig(text, 'x'); assert.unreachable(text); } catch (error) { assert.is(codeOf(error), 'bad-config', text); assert.ok((error as Error).message.includes(word), (error as Error).message); }
  }
  assert.is(codeOf(await parseLinks('x', () => 'there').catch((error: unknown) => error)), 'bad-config');
});

test('in no span of its time does more go than the budget, but for what was on its way when it was spent', () => {
  const steps = fc.array(fc.record({ after: fc.integer({ min: 0, max: 20_000 }), bytes: fc.integer({ min: 0, max: 3_000 }) }), { maxLength: 200 });
  fc.assert(fc.property(steps, (all) => {
    const budget = { bytes: 20_000, ms: 100_000 }, money = account(budget, 0), went: { at: number; bytes: number }[] = [];
    let now = 0;
    for (const { after, bytes } of all) {
      now += after;
      if (money.wait(now) > 0 && money.spent) continue;
      money.spend(bytes, now);
      went.push({ at: now, bytes });
    }
    for (const { at } of went) {
      const sum = went.filter((one) => one.at >= at && one.at < at + budget.ms).reduce((n, one) => n + one.bytes, 0);
      assert.ok(sum <= budget.bytes + 3_000, `${sum} bytes`);
    }
  }));
  const money = account({ bytes: 100_000, ms: 1_000 }, 0);
  money.spend(10_000, 0);
  assert.ok(money.spent && money.wait(0) > 0);
  assert.is(money.wait(1_000), 0);
});

test.run();
