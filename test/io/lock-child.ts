// A process of the lock's tests: takes a directory, says so, and holds it until it is told to let go.
import { codeOf } from '../../src/fault.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import { lock } from '../../src/io/lock.ts';

const [dir, what] = process.argv.slice(2) as [string, string];
try {
  const held = what === 'store' ? await openLmdb({ folder: dir }) : await lock(dir);
  process.stdout.write(`held ${'unclean' in held ? held.unclean : ''}\n`);
  process.stdin.on('data', () => { void ('release' in held ? held.release() : held.close()).then(() => { process.exit(0); }); });
} catch (error) {
  process.stdout.write(`${codeOf(error)} ${(error as Error).message}\n`);
}
