// Placeholder of the edge program: prints what it was called with.

import lmdb from 'node-lmdb';
import { Encoder } from 'cbor-x';

process.stdout.write(`${JSON.stringify({ args: process.argv.slice(2), lmdb: typeof lmdb.Env, codec: new Encoder().encode([1]).length })}\n`);
