import { readFile } from 'node:fs/promises';

/** What a connector made of the wells, or why it made nothing. */
interface Export {
  connector: string;
  status: 'ok' | 'unavailable';
  documents?: unknown;
  reason?: string;
}

/** Entitlement in the licence -> connector, as `ENTITLEMENT=NAME,…`; from the chart. */
const connectorsByEntitlement = new Map(
  (process.env.IVAAP_CONNECTORS ?? '')
    .split(',')
    .filter(Boolean)
    .map((pair) => pair.split('=') as [string, string]),
);

const licenseFile = process.env.IVAAP_LICENSE_FILE ?? '/run/secrets/ivaap-license/license.json';
const tokenFile = process.env.IVAAP_CONNECTOR_TOKEN_FILE ?? '/run/secrets/ivaap-connectors/token';

/**
 * Read at each call: a licence that the operator replaces counts without a restart. An expired or unreadable
 * one grants nothing.
 */
export async function entitledConnectors(): Promise<string[]> {
  const text = await readFile(licenseFile, 'utf8').catch(() => '{}');
  const license = JSON.parse(text) as { entitlements?: string[]; expires?: string };
  const today = new Date().toISOString().slice(0, 10);
  if (license.expires === undefined || license.expires < today) return [];
  return (license.entitlements ?? []).flatMap((name) => connectorsByEntitlement.get(name) ?? []);
}

export async function callConnectors(wells: unknown[]): Promise<Export[]> {
  const token = (await readFile(tokenFile, 'utf8')).trim();
  return Promise.all(
    (await entitledConnectors()).map(async (connector): Promise<Export> => {
      try {
        const response = await fetch(`http://connector-${connector}:8080/documents`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(wells),
          signal: AbortSignal.timeout(5_000),
        });
        if (!response.ok)
          return { connector, status: 'unavailable', reason: `it answered ${response.status}` };
        const reply = (await response.json()) as { documents: unknown };
        return { connector, status: 'ok', documents: reply.documents };
      } catch (error) {
        return { connector, status: 'unavailable', reason: (error as Error).message };
      }
    }),
  );
}
