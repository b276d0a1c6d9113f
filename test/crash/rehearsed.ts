import type { TestHost } from '../e2e/host.ts';
import { leftOfRehearsal, production } from '../e2e/rehearsal.ts';
import { readState } from '../e2e/state.ts';
import { outcome, type Outcome } from './outcome.ts';

/**
 * What a rehearsal leaves: the host as after any other run, its result in the state, and nothing of the copy.
 */

/** What runs, as lines that can be compared with those of the same host at another time. */
export async function productionLines(host: TestHost): Promise<Outcome> {
  const { tables, installed = {}, ...others } = await production(host);
  // Its keys may have another order.
  const rest = { ...others, installed: Object.entries(installed).sort() };
  return [
    ...Object.entries(rest).map(([what, value]) => `production ${what}: ${JSON.stringify(value)}`),
    ...Object.entries(tables).map(([table, sum]) => `production ${table}: ${sum}`),
  ];
}

/** Throws when the product does not answer. */
export async function rehearsed(host: TestHost): Promise<Outcome> {
  const rest = await outcome(host, 'rehearse');
  const left = (await leftOfRehearsal(host)).split('\n').filter((line) => line !== '');
  const { suspended, rehearsing, rehearsed: found, backups = [] } = await readState(host);
  const dump = backups.find(({ pgDump }) => pgDump?.['path'] === found?.dump)?.pgDump;
  const { passed, from, to, schema, rows, lost } = found ?? {};
  const result = JSON.stringify({ passed, from, to, schema, rows, lost });
  return [
    ...rest,
    ...left.map((line) => `left: ${line}`),
    `state: ${JSON.stringify({ suspended, rehearsing })}`,
    `rehearsed: ${result}, ${dump === undefined ? 'without a' : 'with its'} backup`,
    `backups without a dump: ${backups.filter(({ pgDump }) => pgDump === undefined).length}`,
  ].sort();
}
