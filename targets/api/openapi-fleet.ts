// The description of the fleet's part of the API.

import { answer, body, BUSY, path, plain, query, REFUSED, tables, type Operation } from './openapi-parts.ts';
import type { Schema } from './openapi-schemas.ts';

const NODE = path('node', 'Its id, the beginning of it (4 digits or more), or its name, percent-encoded.');
const FORMAT = query('format', '`json`, `csv` or `ndjson`; otherwise as the header Accept says.');
const ROWS = [
  query('limit', 'Nodes of a page: 1 to 1000.', { oneOf: [{ type: 'integer', minimum: 1, maximum: 1_000 }, { type: 'string', enum: ['all'] }] }), query('after', '`next` of the page before.'), query('find', 'Only nodes whose name contains this, or whose id begins so.'),
  query('attention', '1: only those that are silent, behind, or lack or quarantine something, or have an alarm.'),
];
const GONE = { 404: answer('There is none.', 'Error') };
const BODY = { 413: answer('The body is too large.', 'Error'), 415: answer('The body is of another kind.', 'Error'), 408: answer('The body did not come in time.', 'Error') };
const NAME = { type: 'string', minLength: 1, maxLength: 64 }, SCOPE = { type: 'string', enum: ['read', 'append', 'admin'] };
const part = (properties: { [name: string]: Schema }, required: string[] = []): Schema => ({ type: 'object', properties, required, additionalProperties: false });
const texts: Schema = { type: 'array', items: { type: 'string' } };

/** The operations by path and method. */
export const FLEET_PATHS: { [path: string]: { [method: string]: Operation } } = {
  '/api/session': { get: { summary: 'What this token may do, and where it is', responses: { 200: answer('That.', 'Session'), ...REFUSED } } },
  '/api/fleet': {
    get: { summary: 'The fleet at a glance', description: 'From memory. `version` is the ETag: an unchanged answer is 304.', parameters: ROWS, responses: { 200: answer('The picture, with one page of nodes.', 'Fleet'), 304: { description: 'Nothing has changed.' }, ...REFUSED } },
  },
  '/api/fleet/follow': {
    get: {
      summary: 'How the picture of the fleet changes', description: 'Server-sent events, about one a second at most: the data of each is a FleetChange, its id the new version. A message of type `reload` says that there is no way from that version: ask for /api/fleet again.',
      parameters: [query('from', 'The version to begin at, unless the header Last-Event-ID names one.')], responses: { 200: plain('The changes.', 'text/event-stream'), ...REFUSED, ...BUSY },
    },
  },
  '/api/nodes': { get: { summary: 'The nodes of the fleet, in order of id', parameters: [...ROWS, FORMAT], responses: { 200: tables('One page.', 'Nodes'), ...REFUSED } } },
  '/api/nodes/{node}': { get: { summary: 'One node with all that is known of it', parameters: [NODE], responses: { 200: answer('The node.', 'Node'), ...REFUSED, ...GONE } } },
  '/api/nodes/{node}/bundle': {
    get: { summary: 'What a node is not known to hold, as one volume of a bundle', description: 'Made while it is sent. It counts as made when all of it was sent.', scope: 'append', parameters: [NODE], responses: { 200: plain('The volume.', 'application/octet-stream'), ...REFUSED, ...GONE, ...BUSY } },
  },
  '/api/nodes/{node}/revoke': {
    post: {
      summary: 'Take a node out of the fleet', scope: 'admin', parameters: [NODE], requestBody: body(part({ why: { type: 'string', maxLength: 1_000 }, self: { type: 'boolean', description: 'Yes, this very node.' } })),
      responses: { 200: answer('Who it was.', 'Named'), ...REFUSED, ...GONE, ...BODY, ...BUSY },
    },
  },
  '/api/nodes/{node}/release': {
    post: { summary: 'Admit what is in quarantine here of a node', scope: 'admin', parameters: [NODE], requestBody: body(part({})), responses: { 200: answer('Who it was.', 'Named'), ...REFUSED, ...GONE, ...BODY, ...BUSY } },
  },
  '/api/links': { get: { summary: 'Where this node listens, and its links', parameters: [FORMAT], responses: { 200: tables('The links.', 'Links'), ...REFUSED } } },
  '/api/receipts': { get: { summary: 'What others have said that they hold, last', parameters: [FORMAT], responses: { 200: tables('The receipts.', 'Receipts'), ...REFUSED } } },
  '/api/quarantine': { get: { summary: 'What is held and does not count, by author', parameters: [FORMAT], responses: { 200: tables('The quarantine.', 'Quarantine'), ...REFUSED } } },
  '/api/bundles': {
    get: { summary: 'The bundles that this node made, and who has taken them in', parameters: [FORMAT], responses: { 200: tables('The account.', 'Bundles'), ...REFUSED } },
    post: {
      summary: 'Take bundles in', description: 'Volumes in any number and order, one behind the other, whole or damaged; what is whole is used as it comes.',
      requestBody: { required: true, content: { 'application/octet-stream': { schema: { type: 'string', contentMediaType: 'application/octet-stream' } } } },
      responses: { 200: answer('What was taken in.', 'Imported'), 207: answer('Something was lost that is not held here.', 'Imported'), 422: answer('Nothing in it opens.', 'Imported'), 507: answer('The disk is full.', 'Error'), ...REFUSED, ...BODY, ...BUSY },
    },
  },
  '/api/invitations': {
    post: {
      summary: 'Make a token with which one more node can join', scope: 'admin',
      requestBody: body(part({ name: NAME, admin: { type: 'boolean' }, read: { ...texts, description: '`["*"]` (the default), or none: a relay.' }, write: { ...texts, description: 'Patterns of streams; `["*"]` if it is missing.' }, addresses: { ...texts, description: 'Where it can reach this fleet; where this node listens if it is missing.' } })),
      responses: { 200: answer('The token.', 'Invitation'), ...REFUSED, ...BODY, ...BUSY },
    },
  },
  '/api/tokens': {
    get: { summary: 'The tokens of this API, without themselves', scope: 'admin', responses: { 200: answer('The tokens.', 'Tokens'), ...REFUSED } },
    post: { summary: 'Make a token of this API', scope: 'admin', requestBody: body(part({ name: NAME, scope: SCOPE }, ['name', 'scope'])), responses: { 200: answer('The token.', 'Token'), ...REFUSED, ...BODY, ...BUSY } },
  },
  '/api/tokens/{name}': { delete: { summary: 'Take a token back; who follows with it is cut off', scope: 'admin', parameters: [path('name', 'Its name.')], responses: { 200: answer('It is gone.', 'TokenGone'), ...REFUSED, ...GONE, ...BUSY } } },
  '/api/tickets': {
    post: {
      summary: 'Make a link that downloads one thing once', description: 'For browsers, which cannot send a token along when they save a file.', scope: 'read', requestBody: body(part({ path: { type: 'string', description: 'A bundle, or a list with format=csv or format=ndjson.' } }, ['path'])),
      responses: { 200: answer('The link, and for how long it is good.', 'Ticket'), ...REFUSED, ...BODY, ...BUSY },
    },
  },
  '/api/tickets/{ticket}': { get: { summary: 'What a ticket stands for', parameters: [path('ticket', 'The ticket.')], responses: { 200: plain('A file.', '*/*'), ...REFUSED, ...GONE, ...BUSY }, security: [] } },
};
