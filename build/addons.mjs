// Native parts for a device: the database's addon, the serial port's, and the helper for the service manager, compiled here for another kind of machine.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './esbuild.mjs';
import { CACHE, RUNTIME_VERSION, nodeGyp } from './runtime.mjs';
import { advice, findTool } from './tools.mjs';

/** What a target is called by compilers, by node-gyp, and by the package of the serial port's addon. */
const MACHINES = {
  'linux-arm64': { triplet: 'aarch64-linux-gnu', arch: 'arm64', prebuilt: 'linux-arm64/@serialport+bindings-cpp.armv8.glibc.node' },
  'linux-x64': { triplet: 'x86-64-linux-gnu', arch: 'x64', prebuilt: 'linux-x64/@serialport+bindings-cpp.glibc.node' },
};
const MODULES = join(ROOT, 'node_modules');

/** The programs that compile for a target on this machine: the plain ones for its own kind. Throws with the command that installs what is missing. */
export function compilerFor(target) {
  const { triplet, arch } = MACHINES[target];
  const prefix = arch === process.arch ? '' : `${triplet.replace('x86-64', 'x86_64')}-`;
  const missing = ['gcc', 'g++', 'ar', 'strip'].filter((tool) => !onPath(`${prefix}${tool}`));
  if (prefix !== '' && missing.length > 0) throw new Error(`Compiling for ${target} takes a compiler for it: ${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install -y g++-${triplet}`);
  const plain = ['a C++ compiler', 'make', 'python3'].filter((tool) => !findTool(tool));
  if (missing.length + plain.length > 0) throw new Error(`Compiling for ${target} takes ${[...missing, ...plain].join(', ')}: ${advice(plain.length > 0 ? plain : ['a C++ compiler'])}`);
  return { cc: `${prefix}gcc`, cxx: `${prefix}g++`, ar: `${prefix}ar`, strip: `${prefix}strip` };
}

function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, program)));
}

/**
 * The native files of a target, compiled against `runtime` (the folder of its Node) when they are not in the cache: { addons: name → path, helper: path, node: path }.
 * Throws with the compiler's words.
 */
export function nativesFor(target, runtime) {
  const tools = compilerFor(target);
  const versions = ['node-lmdb', 'nan'].map((name) => `${name} ${JSON.parse(readFileSync(join(MODULES, name, 'package.json'), 'utf8')).version}`);
  const compiler = run(tools.cxx, ['--version']).split('\n', 1)[0];
  const source = join(ROOT, 'hw/notify-exec.c');
  const key = createHash('sha256').update([target, RUNTIME_VERSION, compiler, ...versions, readFileSync(source, 'utf8'), readFileSync(join(ROOT, 'build/addons.mjs'), 'utf8')].join('\n')).digest('hex').slice(0, 16);
  const folder = join(CACHE, 'natives', `${target}-${key}`);
  if (!existsSync(folder)) {
    mkdirSync(join(CACHE, 'natives'), { recursive: true });
    const work = mkdtempSync(join(CACHE, 'natives', 'work-'));
    try {
      console.log(`compiling for ${target}`);
      mkdirSync(join(work, 'out'));
      compileLmdb(target, runtime, tools, work);
      run(tools.cc, ['-O2', '-Wall', '-Wl,--build-id=none', '-s', '-o', join(work, 'out/notify-exec'), 'hw/notify-exec.c']);
      // A fifth of it is names of functions, for tools that look into it.
      run(tools.strip, ['-o', join(work, 'out/node'), join(runtime, 'bin/node')]);
      try { renameSync(join(work, 'out'), folder); } catch (error) { if (!existsSync(folder)) throw error; }
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return {
    // Their package brings it for all machines, by an interface of Node that stays the same.
    addons: { 'node-lmdb': join(folder, 'node-lmdb.node'), 'bindings-cpp': join(MODULES, '@serialport/bindings-cpp/prebuilds', MACHINES[target].prebuilt) },
    helper: join(folder, 'notify-exec'), node: join(folder, 'node'), folder,
  };
}

/** Compiles a copy of node-lmdb, below the repository so that it finds the headers it builds on. */
function compileLmdb(target, runtime, tools, work) {
  const copy = join(work, 'node-lmdb');
  cpSync(join(MODULES, 'node-lmdb'), copy, { recursive: true, filter: (path) => !/node-lmdb\/(build|prebuilds|test|examples)$/.test(path) });
  run(process.execPath, [nodeGyp(), 'rebuild', `--arch=${MACHINES[target].arch}`, `--nodedir=${runtime}`], {
    cwd: copy,
    env: { ...process.env, CC: tools.cc, CXX: tools.cxx, AR: tools.ar, LINK: tools.cxx, CFLAGS: `-ffile-prefix-map=${work}=.`, CXXFLAGS: `-ffile-prefix-map=${work}=.`, LDFLAGS: '-Wl,--build-id=none -s', npm_config_nodedir: runtime },
  });
  renameSync(join(copy, 'build/Release/node-lmdb.node'), join(work, 'out/node-lmdb.node'));
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${(result.stdout ?? '').slice(-4_000)}${(result.stderr ?? '').slice(-8_000)}${result.error ?? ''}`);
  return result.stdout;
}
