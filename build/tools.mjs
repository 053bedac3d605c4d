// What compiling an addon takes, and the command that installs it on this kind of system.

import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** Names that each tool goes by, after the variable that may name another. */
const TOOLS = {
  'a C++ compiler': { variable: 'CXX', names: ['g++', 'c++', 'clang++'] },
  make: { variable: 'MAKE', names: ['make', 'gmake'] },
  python3: { variable: 'PYTHON', names: ['python3', 'python'] },
};

/** The path of a tool, or undefined. `path` is the PATH to search. */
export function findTool(tool, environment = process.env) {
  const { variable, names } = TOOLS[tool];
  const wanted = environment[variable]?.split(' ').filter((word) => !word.includes('=')).at(-1) ?? '';
  return [wanted, ...names].filter(Boolean).flatMap((name) => (name.includes('/') ? [name] : (environment.PATH ?? '').split(delimiter).map((dir) => join(dir, name))))
    .find(runnable);
}

function runnable(path) {
  try { accessSync(path, constants.X_OK); return statSync(path).isFile(); } catch { return false; }
}

/** The command that installs the missing tools: by the package manager that is there, with sudo unless we are root. */
export function advice(missing, environment = process.env, user = process.getuid?.()) {
  const cxx = missing.includes('a C++ compiler') || missing.includes('make');
  const python = missing.includes('python3');
  const pick = (base, py) => [cxx && base, python && py].filter(Boolean).join(' ');
  const has = (name) => (environment.PATH ?? '').split(delimiter).some((dir) => runnable(join(dir, name)));
  if (process.platform === 'darwin') return `xcode-select --install`;
  const command = has('apt-get') ? `apt-get install -y ${pick('build-essential', 'python3')}`
    : has('dnf') ? `dnf install -y ${pick('gcc-c++ make', 'python3')}`
    : has('apk') ? `apk add ${pick('build-base linux-headers', 'python3')}`
    : has('pacman') ? `pacman -S --needed ${pick('base-devel', 'python')}`
    : has('zypper') ? `zypper install -y ${pick('gcc-c++ make', 'python3')}` : '';
  if (!command) return `(with your system's package manager) ${pick('g++ make', 'python3')}`;
  return user === 0 ? command : `sudo ${command}`;
}

/**
 * The folder above `include/node` when the headers of exactly this Node lie beside it (archives from nodejs.org, nvm and most packages bring them), else undefined:
 * then nothing needs to be fetched to compile.
 */
export function headersBeside(executable, version) {
  const prefix = join(dirname(executable), '..');
  const header = join(prefix, 'include/node/node_version.h');
  if (!existsSync(header) || !existsSync(join(prefix, 'include/node/node.h'))) return undefined;
  const text = readFileSync(header, 'utf8');
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  return `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}` === version ? prefix : undefined;
}
