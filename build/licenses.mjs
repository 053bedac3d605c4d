// The licences of everything that ends up in a bundle, as one text that travels with it.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './esbuild.mjs';

/** Sources inside packages that bring a licence of their own. */
const INNER = { 'node-lmdb': ['dependencies/lmdb/libraries/liblmdb'] };

/**
 * Our licence, then that of each package, by name. Throws when a package has none: then it may not be shipped.
 * @param {Set<string>} packages
 */
export function licenses(packages) {
  const parts = [['Holdfast', readFileSync(join(ROOT, 'LICENSE'), 'utf8')]];
  for (const name of [...packages].sort()) {
    for (const inner of ['', ...(INNER[name] ?? [])]) {
      const folder = join(ROOT, 'node_modules', name, inner);
      const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^(licen[cs]e|copying|copyright|notice)(\.\w+)?$/i.test(file)) : [];
      const said = files.length === 0 ? inReadme(folder) : undefined;
      if (said !== undefined) parts.push([join(name, inner), said]);
      else if (files.length === 0) throw new Error(`${join(name, inner)} has no licence file: it may not be shipped`);
      for (const file of files) parts.push([join(name, inner), readFileSync(join(folder, file), 'utf8')]);
    }
  }
  return parts.map(([name, text]) => `${'='.repeat(78)}\n${name}\n${'='.repeat(78)}\n\n${text.trim()}\n`).join('\n');
}

/** Some packages have their licence at the end of their README. */
function inReadme(folder) {
  const path = join(folder, 'README.md');
  const text = existsSync(path) ? /^##+ licen[cs]e\s*\n([^]*?)(?=\n#|$(?![^]))/im.exec(readFileSync(path, 'utf8'))?.[1] : undefined;
  return text !== undefined && /permission is hereby granted/i.test(text) ? text : undefined;
}
