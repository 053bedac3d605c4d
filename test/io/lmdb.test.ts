// The store on LMDB: the conformance suite, and what is LMDB's own: one process, a growing map, shared commits, errors.
import { freshFolder } from './folder.ts';
import { storeConformance } from './store-conformance.ts';
import { openLmdb } from '../../src/io/lmdb.ts';

storeConformance('lmdb', async () => {
  const folder = await freshFolder();
  return { open: () => openLmdb({ folder: folder.path }), remove: folder.remove };
});
