import * as z from 'zod';
import { knownSchema } from './known-schema.ts';
import { entitlementStatuses } from '../policy/license-verdict.ts';

/**
 * What `license-check --json` prints; docs/json.md is generated from it. Only tests, the page and `--help`
 * load it: a query takes the types.
 */

const entitlement = z.strictObject({
  entitlement: z.string(),
  feature: z.string().describe('Its name in a FlexNet licence.'),
  leastVersion: z.string().nullable().describe('That the target release needs; null: any.'),
  connector: z.string(),
  status: z
    .enum(entitlementStatuses)
    .describe('`denied`: by lmstat, although the licence grants it. Only `granted` is a grant.'),
  why: z.string().nullable().describe('Where the status alone does not say it.'),
  expires: z.string().nullable().describe('Last day or instant, or `never`; null: not known.'),
  daysLeft: z.int().nullable().describe('Whole days until then, negative: since; null: never, or not known.'),
  version: z.string().nullable().describe('Of the feature.'),
  count: z
    .union([z.int(), z.literal('uncounted')])
    .nullable()
    .describe('How many licences; null: not known.'),
  free: z.int().nullable().describe('Licences that nobody uses now, as lmstat says; null: not known.'),
  lmstat: z.enum(['granted', 'denied', 'unknown']).nullable().describe('Null: not asked.'),
  enabled: z
    .boolean()
    .nullable()
    .describe('Whether this host runs the connector; null: not known, or nothing is installed.'),
  installed: z
    .boolean()
    .nullable()
    .describe('Whether the installed licence names it, valid or not; null: not known, or there is none.'),
  needed: z
    .boolean()
    .describe(
      'False where this host does not run it and the installed licence does not name it: then it ' +
        'does not count.',
    ),
  text: z.string().describe('The verdict as one line.'),
});

const server = z.strictObject({
  name: z.string().describe('`PORT@HOST`; the ports that were tried where none is named and none answered.'),
  host: z.string(),
  port: z.int().nullable().describe('That took the connection, or that the licence names.'),
  answered: z.boolean(),
  address: z.string().nullable().describe('That took the connection.'),
  why: z.string().nullable().describe('Why there was no connection.'),
});

export const licenseSchema = z.strictObject({
  product: z.string(),
  title: z.string(),
  version: z.string().describe('Of the target release: the payload of this file.'),
  ok: z.boolean().describe('Exit 0 if true, 3 otherwise.'),
  license: z
    .strictObject({
      source: z.enum(['file', 'installed', 'server']).describe('`server`: `--license PORT@HOST`.'),
      name: z.string().describe('Path, Secret or `PORT@HOST`.'),
      format: z.enum(['json', 'flexnet']),
      notes: z.array(z.string()).describe('What of it was not understood, or deserves a look.'),
    })
    .nullable()
    .describe('Null: the product needs no licence.'),
  entitlements: z.array(entitlement),
  servers: z.array(server),
  server: z
    .enum(['none', 'not named', 'reachable', 'partly', 'unreachable'])
    .describe(
      '`none`: none is named and none is needed; `not named`: one is needed; `partly`: enough of a triad.',
    ),
  serverRequired: z.boolean().describe('Whether the product’s data makes an unreachable server a failure.'),
  lmstat: knownSchema(z.enum(['up', 'down', 'unknown'])).describe('What lmutil says of the server.'),
  host: z
    .strictObject({
      installedLicense: knownSchema(z.boolean()).describe('Whether there is one.'),
      values: knownSchema(z.boolean()).describe('Whether there is a values file.'),
    })
    .describe('What is known of what runs now.'),
  install: z
    .strictObject({ enables: z.array(z.string()), leavesOff: z.array(z.string()) })
    .nullable()
    .describe(
      'Where nothing is installed: the entitlements whose connectors an install with this file enables, ' +
        'and those that it leaves off. Null: something is installed, that is not known, or a required ' +
        'server does not answer, which refuses an install.',
    ),
  failures: z.array(z.string()).describe('Why `ok` is false.'),
  warnings: z.array(z.string()),
  proves: z.array(z.string()).describe('What all this proves, and what it does not.'),
});

export type LicenseReport = z.infer<typeof licenseSchema>;
export type LicenseRow = LicenseReport['entitlements'][number];
