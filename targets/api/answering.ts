// The API as what a server of Node calls for each request.

import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createApi } from './api.ts';
import type { ApiContext } from './context.ts';

/** Answers requests by the routes of the API. */
export function answering(context: ApiContext): RequestListener {
  const answer = getRequestListener(createApi(context).fetch, { overrideGlobalObjects: false });
  return (incoming, outgoing) => void answer(incoming, outgoing);
}
