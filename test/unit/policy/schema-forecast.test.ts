import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forecastSchema, type SchemaFacts } from '../../../src/policy/schema-forecast.ts';

const automatic = {
  on: true,
  flag: 'admin.migrate is "true"',
  restarts: true,
  workload: 'admin',
  restart: 'delete pod admin',
};
const facts = (over: Partial<SchemaFacts>): SchemaFacts => ({
  now: 3,
  min: 3,
  target: 5,
  automatic,
  ...over,
});

test('what an upgrade does to the schema depends on the flag and on whether the pod restarts', () => {
  const rows: [Partial<SchemaFacts>, string, RegExp][] = [
    [{}, 'product', /version 3 now, this release's is 5: admin migrates by itself/],
    [{ now: 5 }, 'none', /version 5, no change/],
    [{ now: 6 }, 'stays', /newer than this release/],
    [{ now: undefined }, 'unknown', /not known/],
    [{ automatic: { ...automatic, restarts: undefined } }, 'product', /by itself/],
    [{ automatic: { ...automatic, restarts: false } }, 'after-restart', /Afterwards: delete pod admin/],
    [{ automatic: { ...automatic, on: false } }, 'stays', /it stays, since admin\.migrate.*works from 3 on/],
    [{ automatic: { ...automatic, on: false }, min: 4 }, 'stays', /! the release needs at least 4/],
    [{ automatic: undefined }, 'stays', /nothing migrates it/],
  ];
  for (const [over, change, line] of rows) {
    const forecast = forecastSchema(facts(over));
    assert.equal(forecast.change, change);
    assert.match(forecast.line, line);
  }
});
