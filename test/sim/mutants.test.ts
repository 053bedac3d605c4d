// The simulator can fail: with any one of the rules that it guards switched off, some world within a bounded number of seeds says so.
// timeout: 600s

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MUTANTS, type Mutant } from './mutants.ts';

/** Tests run from the repository's root; its build settings are loaded from there, not bundled. */
const ROOT = process.cwd();
const { localBundle, writeOutputs } = (await import(join(ROOT, 'build/esbuild.mjs'))) as {
  localBundle(entry: string, outfile: string): esbuild.BuildOptions & { plugins: esbuild.Plugin[] };
  writeOutputs(result: esbuild.BuildResult): void;
};

/** Bundles the soak with one rule switched off; gives the bundle's path. */
async function bundle(mutant: Mutant, number: number): Promise<string> {
  const outfile = join(ROOT, `dist/test/sim/mutant-${number}.mjs`);
  const settings = localBundle('test/sim/soak.ts', outfile);
  const path = join(ROOT, mutant.file);
  settings.plugins.unshift({
    name: 'mutant',
    setup(build: esbuild.PluginBuild) {
      build.onLoad({ filter: /\.ts$/ }, (args) => {
        if (args.path !== path) return undefined;
        return { contents: readFileSync(path, 'utf8').replace(mutant.find, () => mutant.replace), loader: 'ts' };
      });
    },
  });
  writeOutputs(await esbuild.build(settings));
  return outfile;
}

function run(program: string, args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text; });
    child.on('close', (code) => resolve({ code, output }));
  });
}

const test = suite('the simulator sees each rule that is switched off');

MUTANTS.forEach((mutant, number) => {
  test(mutant.rule, async () => {
    assert.is(readFileSync(join(ROOT, mutant.file), 'utf8').split(mutant.find).length, 2, `the line to change stands once in ${mutant.file}`);
    const { code, output } = await run(await bundle(mutant, number), ['--seeds', String(mutant.seeds), '--scenario', mutant.scenario, '--stop']);
    assert.is(code, 1, `nobody noticed in ${mutant.seeds} seeds of ${mutant.scenario}:\n${output.slice(-2_000)}`);
    assert.match(output, /problems; /);
    console.log(`    ${mutant.rule}: ${/seed \d+ scenario \w+[\s\S]*?\n {2}([^\n]*)/.exec(output)?.[0].slice(0, 200).replaceAll('\n', '')}`);
  });
});

test.after(async () => { await esbuild.stop(); });
test.run();
