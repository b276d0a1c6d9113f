import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BadRequest, serve } from '../http.ts';

/** A well as the backend hands it on; depth in the operator's units. */
export interface ExportedWell {
  id: number;
  name: string;
  field: string;
  operator: string;
  depth: { value: number; unit: 'ft' | 'm' };
}

const tokenFile = process.env.IVAAP_CONNECTOR_TOKEN_FILE ?? '/run/secrets/ivaap-connectors/token';

async function isTrusted(authorization: unknown): Promise<boolean> {
  const expected = Buffer.from(`Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`);
  const given = Buffer.from(String(authorization));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Serves one connector: wells in, one document of its format a well out. Only the backend holds the token.
 */
export function serveConnector(toDocument: (well: ExportedWell) => unknown): void {
  serve({
    'GET /health': () => ({ status: 200, body: { status: 'ok' } }),
    'POST /documents': async (request) => {
      if (!(await isTrusted(request.headers.authorization))) {
        return { status: 401, body: { error: 'the token is missing or not the right one' } };
      }
      const wells = await request.json();
      if (!Array.isArray(wells)) throw new BadRequest('an array of wells is expected');
      return { status: 200, body: { documents: wells.map(toDocument) } };
    },
  });
}
