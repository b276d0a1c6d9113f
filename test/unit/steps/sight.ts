import type { Pod } from '../../../src/host/pods.ts';
import type { Controller, KubeEvent, Sight } from '../../../src/host/sight.ts';

/** Objects of a namespace as the API server gives them, as far as troubles are read from them. */

type Owner = { kind: string; name: string };
const made = '2026-11-22T12:00:30Z';

export function controller(
  kind: string,
  name: string,
  fields: {
    status?: Controller['status'];
    replicas?: number;
    owner?: Owner;
    annotations?: Record<string, string>;
    at?: string;
  } = {},
): Controller {
  const { status = {}, replicas = 1, owner, annotations = ofTiny, at = made } = fields;
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: {
      name,
      uid: `uid of ${name}`,
      generation: 2,
      creationTimestamp: at,
      annotations,
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: { replicas, template: { metadata: { labels: { app: name } } } },
    status: { observedGeneration: 2, ...status },
  };
}

/** As Helm marks what it makes for a release. */
const ofTiny = { 'meta.helm.sh/release-name': 'tiny' };

type Status = NonNullable<Pod['status']['containerStatuses']>[number];

export function pod(
  name: string,
  owner: Owner,
  fields: {
    state?: Status['state'];
    last?: NonNullable<Status['lastState']>['terminated'];
    restarts?: number;
    init?: Status['state'];
    ready?: boolean;
    ending?: boolean;
    phase?: string;
    unschedulable?: string;
  } = {},
): Pod {
  const { state, last, restarts = 0, init, ready = false, phase = 'Running' } = fields;
  const status = (of: string, one: Status['state'] | undefined): Status[] =>
    one === undefined
      ? []
      : [
          {
            name: of,
            image: 'i',
            imageID: 'sha256:1',
            ready,
            restartCount: restarts,
            state: one,
            ...(last === undefined ? {} : { lastState: { terminated: last } }),
          },
        ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: `uid of ${name}`,
      creationTimestamp: made,
      labels: { app: owner.name.split('-')[0] ?? '' },
      ownerReferences: [owner],
      ...(fields.ending === true ? { deletionTimestamp: made } : {}),
    },
    spec: { containers: [] },
    status: {
      phase,
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False' },
        ...(fields.unschedulable === undefined
          ? []
          : [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: fields.unschedulable,
              },
            ]),
      ],
      initContainerStatuses: status('prepare', init),
      containerStatuses: status('server', state),
    },
  };
}

export function event(
  of: { kind: string; name: string },
  reason: string,
  message: string,
  second = 0,
): KubeEvent {
  const lastTimestamp = new Date(Date.parse(made) + second * 1000).toISOString();
  const involvedObject = { ...of, uid: `uid of ${of.name}` };
  const metadata = { name: `${of.name}.${reason}.${second}` };
  return { apiVersion: 'v1', kind: 'Event', metadata, involvedObject, reason, message, lastTimestamp };
}

/** A Deployment with its ReplicaSet, and pods of that. */
export const backend = {
  deployment: (status: Controller['status'] = {}) =>
    controller('Deployment', 'backend', { status, replicas: 2 }),
  replicaSet: controller('ReplicaSet', 'backend-7', { owner: { kind: 'Deployment', name: 'backend' } }),
  owner: { kind: 'ReplicaSet', name: 'backend-7' },
};

export const sight = (parts: Partial<Sight>): Sight => ({ pods: [], controllers: [], events: [], ...parts });
