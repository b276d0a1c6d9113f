import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

/** What a route restores; `body` is sent as JSON unless it is text. */
export interface Reply {
  status: number;
  body: unknown;
  contentType?: string;
}

export interface Request {
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  /** The request's JSON body. Throws SyntaxError when it is none. */
  json(): Promise<unknown>;
}

/** `METHOD /path` -> handler. */
export type Routes = Record<string, (request: Request) => Reply | Promise<Reply>>;

/** The caller's mistake: answered with 400 and the message. */
export class BadRequest extends Error {}

/**
 * Serves the routes until SIGTERM, which ends the process at once: as pid 1 of a container it has no default
 * action.
 */
export function serve(routes: Routes, port = Number(process.env.PORT ?? 8080)): void {
  const server = createServer(async (incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://service');
    const handler = routes[`${incoming.method} ${url.pathname}`];
    let reply: Reply = { status: 404, body: { error: `nothing at ${incoming.method} ${url.pathname}` } };
    try {
      const request = { query: url.searchParams, headers: incoming.headers, json: () => json(incoming) };
      if (handler) reply = await handler(request);
    } catch (error) {
      const badRequest = error instanceof BadRequest || error instanceof SyntaxError;
      if (!badRequest) console.error(`${incoming.method} ${url.pathname}:`, error);
      reply = { status: badRequest ? 400 : 500, body: { error: (error as Error).message } };
    }
    const text = typeof reply.body === 'string' ? reply.body : `${JSON.stringify(reply.body)}\n`;
    response.writeHead(reply.status, {
      'content-type': reply.contentType ?? 'application/json; charset=utf-8',
    });
    response.end(text);
  });
  server.listen(port, () => console.log(`listening on ${port}`));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
}
