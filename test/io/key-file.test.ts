// The file of keys: whole or not at all, and its owner's alone.
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { realDisk, type Disk } from '../../src/io/disk.ts';
import { keyFile } from '../../src/io/key-file.ts';
import { freshFolder } from './folder.ts';

const test = suite('key file');
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('what was saved is loaded; the file is its owner\'s alone and nothing else is left', async () => {
  const folder = await freshFolder(), path = join(folder.path, 'keys');
  const keys = keyFile(path);
  assert.is(await keys.load(), undefined);
  await keys.save(bytes(1, 2, 3));
  assert.equal([...(await keys.load())!], [1, 2, 3]);
  await Promise.all([keys.save(bytes(4)), keys.save(bytes(5, 6))]);
  assert.equal([...(await keyFile(path).load())!], [5, 6]);
  assert.is((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await readdir(folder.path), ['keys']);
  await folder.remove();
});

test('a part that was left behind is no obstacle', async () => {
  const folder = await freshFolder(), path = join(folder.path, 'keys');
  await writeFile(`${path}.part`, 'half', { mode: 0o644 });
  await keyFile(path).save(bytes(9));
  assert.is((await stat(path)).mode & 0o777, 0o600);
  await folder.remove();
});

test('when any step of saving fails, the old file is still there', async () => {
  for (const step of ['open', 'write', 'sync', 'rename'] as const) {
    for (const [code, expected] of [['EIO', 'store-failed'], ['ENOSPC', 'store-full']] as const) {
      const folder = await freshFolder(), path = join(folder.path, 'keys');
      await keyFile(path).save(bytes(1));
      const real = realDisk(), fail = async (): Promise<never> => { throw Object.assign(new Error(code), { code }); };
      const disk: Disk = {
        ...real,
        async open(name, how) {
          if (step === 'open' && name.endsWith('.part')) return fail();
          const file = await real.open(name, how);
          return step === 'open' || step === 'rename' ? file : { ...file, [step]: fail };
        },
        rename: step === 'rename' ? fail : real.rename,
      };
      let seen = '';
      await keyFile(path, disk).save(bytes(2)).catch((error: unknown) => { seen = codeOf(error); });
      assert.is(seen, expected, step);
      assert.equal([...(await keyFile(path).load())!], [1], step);
      assert.equal(await readdir(folder.path), ['keys'], step);
      await folder.remove();
    }
  }
});

test('the order is: flush the part, rename it, flush the folder', async () => {
  const folder = await freshFolder(), path = join(folder.path, 'keys'), real = realDisk(), steps: string[] = [];
  const disk: Disk = {
    ...real,
    async open(name, how) {
      const file = await real.open(name, how);
      return { ...file, async write(data, at) { await file.write(data, at); steps.push('write'); }, async sync() { await file.sync(); steps.push('sync'); } };
    },
    async rename(from, to) { await real.rename(from, to); steps.push('rename'); },
    async syncFolder(name) { await real.syncFolder(name); steps.push('folder'); },
  };
  await keyFile(path, disk).save(bytes(1));
  assert.equal(steps, ['write', 'sync', 'rename', 'folder']);
  await folder.remove();
});

test.run();
