import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConflicts, valueAtField } from '../../../src/policy/field-paths.ts';

test('one conflict is read with the subresource through which the field was taken', () => {
  const words =
    'error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using ' +
    'apps/v1: .spec.replicas\nPlease review the fields above--they currently have other ' +
    'managers. Here\nare the ways you can resolve this warning:\n* If you intend to manage all ' +
    'of these fields, please re-run the apply\n';
  assert.deepEqual(parseConflicts(words), [{ owner: 'kubectl (scale)', field: '.spec.replicas' }]);
});

test('many conflicts of many managers are read, with and without a time', () => {
  const words = `error: Apply failed with 4 conflicts: conflicts with "kubectl-edit" using apps/v1 at 2026-11-22T18:00:01Z:
- .spec.template.spec.containers[name="backend"].image
- .metadata.labels.app.kubernetes.io/name
conflicts with "other":
- .data.a: b
- .spec.ports[port=80,protocol="TCP"].targetPort
Please review the fields above--they currently have other managers. Here
- this is no field`;
  assert.deepEqual(parseConflicts(words), [
    { owner: 'kubectl-edit', field: '.spec.template.spec.containers[name="backend"].image' },
    { owner: 'kubectl-edit', field: '.metadata.labels.app.kubernetes.io/name' },
    { owner: 'other', field: '.data.a: b' },
    { owner: 'other', field: '.spec.ports[port=80,protocol="TCP"].targetPort' },
  ]);
});

test('text about something else contains no conflict', () => {
  assert.deepEqual(parseConflicts('Error from server (NotFound): namespaces "ivaap" not found'), []);
});

const object = {
  metadata: {
    labels: { 'app.kubernetes.io/name': 'x', app: { kubernetes: 'wrong' } },
    finalizers: ['a', 'b]'],
  },
  spec: {
    containers: [
      { name: 'a', image: 'one' },
      { name: 'b', image: 'two', command: ['x', 'y'] },
    ],
    ports: [{ port: 80, targetPort: 'http' }],
    off: null,
  },
};

test('a value is found by names with dots, by keys, by value and by place', () => {
  assert.equal(valueAtField(object, '.metadata.labels.app.kubernetes.io/name'), 'x');
  assert.equal(valueAtField(object, '.spec.containers[name="b"].image'), 'two');
  assert.equal(valueAtField(object, '.metadata.finalizers[="b]"]'), 'b]');
  assert.equal(valueAtField(object, '.spec.containers[1].command[0]'), 'x');
  assert.equal(valueAtField(object, '.spec.ports[port=80,protocol="TCP"].targetPort'), 'http');
  assert.equal(valueAtField(object, '.spec.off'), null);
});

test('a value that is not there is undefined', () => {
  for (const path of [
    '.spec.nothing',
    '.spec.containers[name="c"].image',
    '.spec.containers[name="b".image',
  ]) {
    assert.equal(valueAtField(object, path), undefined);
  }
  assert.equal(valueAtField(undefined, '.spec'), undefined);
});
