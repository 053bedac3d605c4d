// What a bundle takes of the packages it uses: their native parts, and none of what a node on Linux never runs.

import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { ROOT } from './esbuild.mjs';

/** Files that load a native part: how their path ends, and what stands in for them. `#native` is the folder beside the program (its package.json says so). */
const LOADERS = [
  { filter: /node-lmdb\/index\.js$/, up: 0, write: (name) => `module.exports = require('#native/${name}.node');` },
  { filter: /@serialport\/bindings-cpp\/dist\/serialport-bindings\.js$/, up: 1, write: (name) => `exports.binding = require('#native/${name}.node');` },
];

/**
 * Takes addons from `native/<package>.node` beside the bundle, and reports each package that has one.
 * @param {Map<string, string>} found receives package name (without its scope) → its folder
 */
export function natives(found) {
  return {
    name: 'natives',
    setup(build) {
      for (const { filter, up, write } of LOADERS) {
        build.onLoad({ filter }, ({ path }) => {
          const folder = up === 0 ? dirname(path) : dirname(dirname(path));
          found.set(basename(folder), folder);
          return { contents: write(basename(folder)), loader: 'js', resolveDir: ROOT };
        });
      }
      build.onResolve({ filter: /^#native\// }, ({ path }) => ({ path, external: true }));
    },
  };
}

/** Modules that stand in for others: what asks for them, and what it gets instead. */
const STANDINS = {
  // Timers in a worker for browsers, and ports of other systems.
  absent: 'module.exports = {};',
  // A log of the package's own doings for its developers, off unless DEBUG is set.
  silent: 'const log = () => {}; log.enabled = false; log.extend = () => log; module.exports = () => log; module.exports.default = module.exports;',
  // MQTT.js keeps the topic aliases of one connection in order of use: the three methods of lru-cache that this takes, most recent first, instead of 17 KB.
  aliases: `exports.LRUCache = class extends Map {
    constructor() { super(); }
    get(key) { const value = super.get(key); if (value !== undefined) { this.delete(key); super.set(key, value); } return value; }
    set(key, value) { this.delete(key); return super.set(key, value); }
    keys() { return [...super.keys()].reverse(); }
  };`,
};

/**
 * Leaves out the parts of MQTT.js and serialport that nothing of ours reaches: 456 KB of the one become 88 (we open its sockets, so that its ways to
 * reach a broker are out too), 69 of the other 18. Their own copy of Node's streams gives way to the streams that Node has.
 */
export function vendor() {
  const require = createRequire(join(ROOT, 'package.json'));
  const standIn = (name) => () => ({ path: name, namespace: 'stand-in' });
  return {
    name: 'vendor',
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ path }) => ({ contents: STANDINS[path], loader: 'js' }));
      build.onResolve({ filter: /^worker-timers$/ }, standIn('absent'));
      build.onResolve({ filter: /^debug$/ }, standIn('silent'));
      // Other ways to reach a database: a library in C, and somebody's cloud.
      build.onResolve({ filter: /^pg-(native|cloudflare)$/ }, standIn('absent'));
      build.onResolve({ filter: /^lru-cache$/ }, standIn('aliases'));
      build.onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', external: true }));
      // Bindings of other systems; Linux is what is shipped. What `npm start` runs elsewhere keeps its own.
      if (process.platform === 'linux') build.onResolve({ filter: /^\.\/(win32|darwin)$/ }, ({ resolveDir }) => (/bindings-cpp/.test(resolveDir) ? standIn('absent')() : undefined));
      // A package in CommonJS that is loaded as a part of its own has no name but `default`: give the one that we ask for. Its index adds a dozen parsers and a simulated port.
      build.onResolve({ filter: /^serialport$/ }, ({ path }) => ({ path, namespace: 'named' }));
      build.onLoad({ filter: /.*/, namespace: 'named' }, () => ({
        contents: `import { SerialPort as its } from ${JSON.stringify(join(dirname(require.resolve('serialport')), 'serialport.js'))}; export const SerialPort = its;`, loader: 'js', resolveDir: ROOT,
      }));
      build.onLoad({ filter: /node_modules\/mqtt\/package\.json$/ }, ({ path }) => ({ contents: JSON.stringify({ version: require(path).version }), loader: 'json' }));
    },
  };
}
