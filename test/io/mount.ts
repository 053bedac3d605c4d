// A small file system of its own, where the system permits to mount one.
import { spawnSync } from 'node:child_process';
import { freshFolder } from './folder.ts';

/** Mounts a tmpfs of so many bytes; undefined when that is not permitted (then say so and skip). */
export async function smallMount(bytes: number): Promise<{ path: string; remove(): Promise<void> } | undefined> {
  const folder = await freshFolder();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'holdfast-test', folder.path]).status !== 0) {
    await folder.remove();
    return undefined;
  }
  return {
    path: folder.path,
    async remove() {
      spawnSync('umount', [folder.path]);
      await folder.remove();
    },
  };
}
