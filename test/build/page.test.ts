// A page is bundled for browsers: names follow contents, compressed forms lie beside, the manifest says all, and nothing comes from elsewhere.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

interface Entry { path: string; file: string; type: string; immutable: boolean; hash: string; bytes: number; br: number; gz: number }
// Bundled into the test it would take the test's folder for the repository.
const { buildPage } = await import(pathToFileURL(resolve('build/page.mjs')).href) as { buildPage(from: string, to: string): Promise<{ files: Entry[]; packages: string[] }> };

const HTML = '<!doctype html>\n<html lang="en">\n  <head><link rel="stylesheet" href="/page/style.css"><script type="module" src="/page/main.js"></script></head>\n  <body id="page"></body>\n</html>\n';
const MAIN = "import { render } from 'preact';\nfunction Hello({ name }: { name: string }) { return <p class=\"hello\">Hello, {name}</p>; }\nrender(<Hello name=\"pump 7\" />, document.body);\n";

const page = suite<{ folder: string }>('page');
page.before.each((context) => {
  mkdirSync('dist/test', { recursive: true });
  // Inside the repository, so that its packages are found.
  context.folder = mkdtempSync(resolve('dist/test/page-'));
  mkdirSync(join(context.folder, 'from'));
  for (const [name, text] of [['index.html', HTML], ['main.tsx', MAIN], ['style.css', 'p {\n  color: #ff0000;\n}\n']] as const) writeFileSync(join(context.folder, 'from', name), text);
});
page.after.each(({ folder }) => { rmSync(folder, { recursive: true }); });

page('index.html asks for parts that are there, and each has its compressed forms', async ({ folder }) => {
  const to = join(folder, 'to');
  const { files, packages } = await buildPage(join(folder, 'from'), to);
  assert.equal(packages, ['preact']);
  assert.equal(files.map(({ path }) => path.replace(/-[A-Z0-9]+\./, '-HASH.')).sort(), ['/', '/page/main-HASH.js', '/page/style-HASH.css']);
  assert.equal(JSON.parse(readFileSync(join(to, 'manifest.json'), 'utf8')), files);
  const html = readFileSync(join(to, 'index.html'), 'utf8');
  for (const { path, file, type, immutable, bytes, br, gz, hash } of files) {
    const contents = readFileSync(join(to, file)), smaller = readFileSync(join(to, `${file}.br`)), small = readFileSync(join(to, `${file}.gz`));
    assert.equal([contents.length, smaller.length, small.length], [bytes, br, gz]);
    assert.equal(brotliDecompressSync(smaller), contents);
    assert.equal(gunzipSync(small), contents);
    assert.is(immutable, path !== '/');
    assert.is(hash.length, 22);
    if (path !== '/') assert.ok(html.includes(`"${path}"`), `index.html asks for ${path}`);
    assert.match(type, path.endsWith('.js') ? /^text\/javascript/ : path.endsWith('.css') ? /^text\/css/ : /^text\/html/);
  }
  const script = readFileSync(join(to, files.find(({ path }) => path.endsWith('.js'))!.file), 'utf8');
  assert.match(script, 'Hello, ');
  assert.not.match(script, /from\s*"/);
  assert.ok(script.length < 30_000, `${script.length} bytes`);
});

page('what changed gets another name, the rest keeps its own, and the older part goes', async ({ folder }) => {
  const to = join(folder, 'to');
  const first = await buildPage(join(folder, 'from'), to);
  writeFileSync(join(folder, 'from/style.css'), 'p { color: blue }');
  const second = await buildPage(join(folder, 'from'), to);
  const named = (files: Entry[], ending: string) => files.find(({ path }) => path.endsWith(ending))!.file;
  assert.is(named(first.files, '.js'), named(second.files, '.js'));
  assert.is.not(named(first.files, '.css'), named(second.files, '.css'));
  assert.not.ok(readdirSync(to).includes(named(first.files, '.css')));
  assert.is(readdirSync(to).length, 3 * 3 + 1);
});

page('a page that needs another host, or does not ask for its parts, is refused; so is one that is wrong', async ({ folder }) => {
  const broken: [string, string, RegExp][] = [
    ['index.html', HTML.replace('/page/style.css', 'https://cdn.example/style.css'), /another host/], ['index.html', HTML.replace('src="/page/main.js"', ''), /does not ask for main\.js/],
    ['main.tsx', 'export const a = ;', /Unexpected/],
  ];
  for (const [name, text, why] of broken) {
    const before = readFileSync(join(folder, 'from', name));
    writeFileSync(join(folder, 'from', name), text);
    await buildPage(join(folder, 'from'), join(folder, 'to')).then(() => assert.unreachable(), (error: Error) => assert.match(error.message, why));
    writeFileSync(join(folder, 'from', name), before);
  }
});

page.run();
