// `npm run soak -- --seeds N [--from S] [--scenario NAME] [--trace] [--jobs J]`: simulated worlds in a row; every failing seed prints how to see it again.

import { spawn } from 'node:child_process';
import { runSeed } from './run.ts';

interface Wish { seeds: number; from: number; scenario: string | undefined; trace: boolean; jobs: number; stop: boolean; all: boolean }

function wishOf(args: readonly string[]): Wish {
  const wish: Wish = { seeds: 200, from: 1, scenario: undefined, trace: false, jobs: 1, stop: false, all: false };
  for (let i = 0; i < args.length; i++) {
    const number = (): number => {
      const n = Number(args[++i]);
      if (!Number.isSafeInteger(n) || n < 0) throw new Error(`${args[i - 1]} needs a number`);
      return n;
    };
    switch (args[i]) {
      case '--seeds': wish.seeds = number(); break;
      case '--from': wish.from = number(); break;
      case '--jobs': wish.jobs = number(); break;
      case '--scenario': wish.scenario = args[++i]; break;
      case '--trace': wish.trace = true; break;
      case '--stop': wish.stop = true; break;
      case '--list': wish.all = true; break;
      default: throw new Error(`unknown option ${args[i]}: --seeds N --from S --scenario NAME --jobs J --trace --stop (at the first failure) --list (every seed)`);
    }
  }
  return wish;
}

/** Runs the seeds one after another. Returns how many failed. */
async function soak(wish: Wish): Promise<number> {
  let failed = 0, virtual = 0, events = 0;
  const began = performance.now();
  for (let seed = wish.from; seed < wish.from + wish.seeds; seed++) {
    const outcome = await runSeed(seed, wish.scenario, wish.trace ? (line) => console.log(line) : undefined);
    virtual += outcome.virtualMs;
    events += outcome.events;
    const bad = outcome.problems.length > 0;
    if (bad || wish.all || wish.trace) {
      console.log(`seed ${seed} scenario ${outcome.scenario}: ${bad ? `${outcome.problems.length} problems` : 'passed'}; ${outcome.events} events, ${outcome.acknowledged} acknowledged, ${(outcome.virtualMs / 1000).toFixed(0)} s, ${outcome.steps} steps, ${outcome.wallMs} ms, trace ${outcome.hash}`);
    }
    if (!bad) continue;
    failed++;
    for (const problem of outcome.problems.slice(0, 8)) console.log(`  ${problem.replaceAll('\n', '\n  ')}`);
    console.log(`  again, with its trace: npm run soak -- --from ${seed} --seeds 1 --scenario ${outcome.scenario} --trace`);
    if (wish.stop) break;
  }
  console.log(`${wish.seeds - failed} of ${wish.seeds} seeds from ${wish.from} passed: ${events} events, ${(virtual / 3_600_000).toFixed(1)} simulated hours, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return failed;
}

/** Splits the seeds among processes. Returns how many of these failed. */
async function spread(wish: Wish, args: readonly string[]): Promise<number> {
  const share = Math.ceil(wish.seeds / wish.jobs);
  const codes = await Promise.all(Array.from({ length: wish.jobs }, (_, job) => new Promise<number>((resolve) => {
    const from = wish.from + job * share;
    const own = [...args, '--jobs', '1', '--from', String(from), '--seeds', String(Math.max(0, Math.min(share, wish.from + wish.seeds - from)))];
    spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...own], { stdio: 'inherit' }).on('exit', (code) => resolve(code ?? 1));
  })));
  return codes.filter((code) => code !== 0).length;
}

try {
  const args = process.argv.slice(2);
  const wish = wishOf(args);
  process.exitCode = (wish.jobs > 1 ? await spread(wish, args) : await soak(wish)) > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
