// What administrators do over HTTP: invite, revoke, release, and the tokens of this API.

import type { Hono } from 'hono';
import { Fault } from '../../src/fault.ts';
import type { InviteWish } from '../program/database.ts';
import type { Tokens } from '../program/http-tokens.ts';
import { json } from './answer.ts';
import { parameters } from './asked.ts';
import { listPart, partsOf, switchPart, textPart } from './body-json.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { needs } from './guard.ts';

/** Characters of a reason, bytes of a name, patterns in a list, addresses, and characters of one. */
const WHY_CHARS = 1_000, NAME_BYTES = 64, PATTERNS = 64, ADDRESSES = 16, ADDRESS_CHARS = 500;

/** Adds the routes that need the scope admin. */
export function actRoutes(app: Hono<Surroundings>, { database, hub }: Pick<ApiContext, 'database' | 'hub'>, tokens: () => Promise<Tokens>): void {
  app.post('/api/nodes/:node/revoke', needs('admin'), async (c) => {
    const parts = await partsOf(c, ['why', 'self']), { node } = await (await hub()).node(c.req.param('node'));
    return json(await database.revoke(node, textPart(parts, 'why', WHY_CHARS) ?? '', switchPart(parts, 'self')));
  });

  app.post('/api/nodes/:node/release', needs('admin'), async (c) => {
    await partsOf(c, []);
    const { node } = await (await hub()).node(c.req.param('node'));
    return json(await database.release(node));
  });

  app.post('/api/invitations', needs('admin'), async (c) => {
    const parts = await partsOf(c, ['name', 'admin', 'read', 'write', 'addresses']), name = textPart(parts, 'name', NAME_BYTES)?.trim();
    if (name !== undefined && (name === '' || Buffer.byteLength(name) > NAME_BYTES)) throw new Fault('bad-argument', `A name has 1 to ${NAME_BYTES} bytes.`);
    const one = await hub(), addresses = listPart(parts, 'addresses', ADDRESSES, ADDRESS_CHARS) ?? one.addresses();
    for (const url of addresses) await one.checkAddress(url);
    const wish: InviteWish = { ...(name === undefined ? {} : { name }), admin: switchPart(parts, 'admin'), read: listPart(parts, 'read', PATTERNS, NAME_BYTES) ?? ['*'], write: listPart(parts, 'write', PATTERNS, NAME_BYTES) ?? ['*'], addresses };
    return json({ token: await database.invite(wish), addresses });
  });

  app.get('/api/tokens', needs('admin'), async (c) => {
    parameters(c, []);
    const known = await tokens();
    return json({ tokens: (await database.tokens({})).tokens.map((each) => ({ ...each, used: known.lastUsed(each.name) })) });
  });

  app.post('/api/tokens', needs('admin'), async (c) => {
    const parts = await partsOf(c, ['name', 'scope']), name = textPart(parts, 'name', 200), scope = textPart(parts, 'scope', 200);
    if (name === undefined || scope === undefined) throw new Fault('bad-argument', 'A token has a name and a scope.');
    const { made } = await database.tokens({ make: { name, scope } });
    return json({ name, scope, token: made });
  });

  app.delete('/api/tokens/:name', needs('admin'), async (c) => {
    const name = c.req.param('name');
    parameters(c, []);
    await database.tokens({ revoke: name });
    return json({ name });
  });
}
