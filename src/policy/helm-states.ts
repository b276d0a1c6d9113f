import { foreign } from '../foreign.ts';

/**
 * What is done about each state in which Helm's records of the release can be found; docs/helm-states.md is
 * written from the table.
 */

/** One of Helm's records of the release, as `helm history` lists it. */
export interface HelmRecord {
  revision: number;
  status: string;
  /** `NAME-VERSION`. */
  chart: string;
  description: string;
  /** When its Helm started, ISO 8601. */
  updated: string;
}

/**
 * When records of a Helm of ours were started: its first revision until `first`, that of its rollback until
 * `to`.
 */
export interface OwnSpan {
  from: Date;
  first: Date;
  to: Date;
}

export interface HelmFacts {
  flow: 'install' | 'upgrade';
  /** The chart's name. */
  chart: string;
  /**
   * The Helm that our journal knows: the release's last revision before it started, and its times; undefined
   * where none ever did.
   */
  own: ({ after: number } & OwnSpan) | undefined;
  /** Whether we took the only record away ourselves, as the repair of an install that was cut off. */
  emptied: boolean;
  now: Date;
  /** How long Helm waits at the longest before it fails; its rollback may take as long again. */
  timeoutSeconds: number;
}

export type HelmStateName = keyof typeof helmStates;

export interface HelmJudgement {
  state: HelmStateName;
  /** `stop`: nothing is changed, `why` says it. */
  act: 'install' | 'upgrade' | 'stop';
  why: string;
  /** Revisions whose records are saved and taken away first, newest first. */
  remove: number[];
  /** To which revision Helm rolls back after a failure; undefined where there is none. */
  rollbackTo: number | undefined;
  /** How many records Helm may keep so that this one is not among those that it takes away. */
  historyMax: number;
}

interface Row {
  /** How it is recognised. */
  found: string;
  install: string;
  upgrade: string;
  why: string;
}

const stop = 'stops before anything is changed';
const repair =
  "proves that the old Helm has ended, saves the revision's Secret next " +
  'to the backup, deletes it, checks whether the schema moved';

export const helmStates = {
  none: {
    found: 'Helm has no record of the release',
    install: 'installs',
    upgrade:
      `${stop}; installs over the existing objects where repairing an install had ` +
      'removed the only record, or once `repair-state` has found them',
    why:
      'The state says that the product is installed: somebody else ' +
      'removed its records, and what else was removed is not known.',
  },
  deployed: {
    found: 'the newest revision is `deployed`',
    install: 'upgrades it; does nothing where it is this release already',
    upgrade: 'upgrades; a failure rolls back to it',
    why: 'The usual case. A Helm of this run that succeeded after its `ivaap` had died is not run again.',
  },
  failed: {
    found: 'the newest revision is `failed`',
    install: 'upgrades it',
    upgrade: 'upgrades; a failure rolls back to the newest revision that was deployed',
    why:
      'Helm continues from a failed revision by itself. On a first ' +
      'install it is never rolled back: that would uninstall.',
  },
  'pending-install': {
    found: 'the newest revision is `pending-install`',
    install: `${repair}, installs`,
    upgrade: `${repair}, continues from the revision before it, or installs over the existing objects`,
    why:
      'An install was interrupted; Helm refuses to work while the record exists. Its ' +
      'objects carry the labels of the release, so that Helm adopts them.',
  },
  'pending-upgrade': {
    found: 'the newest revision is `pending-upgrade`',
    install: `${repair}, upgrades`,
    upgrade: `${repair}, upgrades`,
    why:
      'An upgrade was interrupted while the rollout continued. Going forward ' +
      'is right in every case: going back could not undo a migration.',
  },
  'pending-rollback': {
    found: 'the newest revision is `pending-rollback`',
    install: `${repair}, upgrades`,
    upgrade: `${repair}, upgrades`,
    why:
      'A rollback was interrupted. The revision that it rolled back to stays in the ' +
      'history, `deployed` or `superseded`, so that another failure rolls back to it.',
  },
  uninstalling: {
    found: 'the newest revision is `uninstalling`',
    install: stop,
    upgrade: stop,
    why: 'Somebody started to remove the product: whether to keep it is for people to decide.',
  },
  uninstalled: {
    found: 'the newest revision is `uninstalled`, its history was kept',
    install: stop,
    upgrade: stop,
    why: 'Somebody removed the product and kept the records, over which Helm neither installs nor upgrades.',
  },
  'superseded-only': {
    found: 'the newest revision is `superseded`, none is `deployed`',
    install: 'upgrades it',
    upgrade: 'upgrades; a failure rolls back to the newest `superseded` one',
    why:
      'Helm was killed between its last two writes: the old revision was ' +
      'already `superseded`, and the new one not yet `deployed`.',
  },
  'superseded-failure': {
    found: 'a `superseded` revision whose description says that it failed is newer than the last good one',
    install: 'upgrades',
    upgrade: "saves that revision's Secret beside the backup, deletes it, upgrades",
    why:
      'A rollback that fails marks the failed revision `superseded`, and the ' +
      'next failure would roll back to it, although it never worked.',
  },
  'other-chart': {
    found: 'the newest revision is of a chart with another name',
    install: stop,
    upgrade: stop,
    why: "The release's name is taken by another product.",
  },
  'history-full': {
    found: 'ten records or more, and the one to roll back to is not `deployed`',
    install: 'lets Helm keep more this time',
    upgrade: 'lets Helm keep more this time',
    why:
      'Helm removes the oldest records beyond ten (`--history-max`) and keeps only a ' +
      'deployed one: the revision to which a failure rolls back must stay.',
  },
  unknown: {
    found: 'any other status',
    install: stop,
    upgrade: stop,
    why: 'A newer Helm than ours wrote it.',
  },
} as const satisfies Record<string, Row>;

export const usualHistoryMax = 10;
/** A Helm writes the revision after the one that it found, and the next one when it rolls back. */
const isOf = (record: HelmRecord, own: HelmFacts['own']) =>
  own !== undefined &&
  record.revision === own.after + (record.status === 'pending-rollback' ? 2 : 1) &&
  isWithin(record, own);

/**
 * Whether a record was started while that Helm worked: the number alone would also fit whoever came after it.
 */
export function isWithin(
  { updated, status }: Pick<HelmRecord, 'updated' | 'status'>,
  span: OwnSpan,
): boolean {
  const began = Date.parse(updated);
  const last = status === 'pending-rollback' ? span.to : span.first;
  return began >= span.from.getTime() && began <= last.getTime();
}

const isPending = ({ status }: HelmRecord) => status.startsWith('pending-');
/** Whether the release ran with it once: what a failure rolls back to. */
export const isGoodRecord = ({ status, description }: Pick<HelmRecord, 'status' | 'description'>): boolean =>
  status === 'deployed' || (status === 'superseded' && !saysFailed(description));
const saysFailed = (description: string) => /^(Upgrade|Rollback|Release) ".*" failed: /s.test(description);

/** Decides by the table; nothing is looked up here. `history` is oldest first. */
export function judgeHelm(history: readonly HelmRecord[], facts: HelmFacts): HelmJudgement {
  const last = history.at(-1);
  const remove: number[] = [];
  const stopped = (state: HelmStateName, why: string): HelmJudgement => ({
    state,
    act: 'stop',
    why,
    remove: [],
    rollbackTo: undefined,
    historyMax: usualHistoryMax,
  });
  if (last === undefined) {
    if (facts.flow === 'upgrade' && !facts.emptied) {
      return stopped('none', 'it is missing, although the state says that it is installed');
    }
    return { ...stopped('none', ''), act: 'install' };
  }
  if (!last.chart.startsWith(`${facts.chart}-`) || !/^\d/.test(last.chart.slice(facts.chart.length + 1))) {
    return stopped('other-chart', `it is of the chart ${foreign(last.chart)}, not of ${facts.chart}`);
  }
  let rest = history;
  for (let newest = last; isPending(newest);) {
    const began = Date.parse(newest.updated);
    const ours = isOf(newest, facts.own);
    const dead = began + 2 * facts.timeoutSeconds * 1000;
    // A Helm on another machine is seen by its record only: it is dead when its own limits have passed.
    // A time that cannot be read is no proof of a death.
    if (!ours && !(dead <= facts.now.getTime())) {
      const until = Number.isNaN(dead) ? 'an unknown time' : new Date(dead).toISOString();
      const words =
        `revision ${newest.revision} has been ${newest.status} since ${newest.updated}, by a Helm ` +
        `that no run of this program started; it may be running on another machine until ${until}`;
      return stopped(last.status as HelmStateName, words);
    }
    remove.push(newest.revision);
    rest = rest.slice(0, -1);
    const before = rest.at(-1);
    if (before === undefined) return { ...stopped(last.status as HelmStateName, ''), act: 'install', remove };
    newest = before;
  }
  return judgeRest(rest, {
    state: isPending(last) ? (last.status as HelmStateName) : undefined,
    remove,
    stopped,
  });
}

function judgeRest(
  history: readonly HelmRecord[],
  found: {
    state: HelmStateName | undefined;
    remove: number[];
    stopped: (state: HelmStateName, why: string) => HelmJudgement;
  },
): HelmJudgement {
  const last = history.at(-1);
  const status = last?.status ?? 'none';
  if (status === 'uninstalling' || status === 'uninstalled') {
    return found.stopped(
      status,
      `it is ${status} (revision ${last?.revision}): somebody started to remove the product`,
    );
  }
  if (!['deployed', 'failed', 'superseded'].includes(status)) {
    return found.stopped(
      'unknown',
      `it is ${foreign(status)} (revision ${last?.revision}), a state that this program does not know`,
    );
  }
  const good = history.findLast(isGoodRecord);
  const misleading = history.filter(
    (record) =>
      good !== undefined &&
      record.revision > good.revision &&
      record.status === 'superseded' &&
      saysFailed(record.description),
  );
  const remove = [...found.remove, ...misleading.map(({ revision }) => revision).reverse()];
  const kept = history.filter(({ revision }) => !remove.includes(revision));
  const atStake =
    good === undefined ? 0 : kept.filter(({ revision }) => revision >= good.revision).length + 1;
  const historyMax = good?.status === 'deployed' ? usualHistoryMax : Math.max(usualHistoryMax, atStake);
  const plain = status === 'superseded' ? 'superseded-only' : (status as 'deployed' | 'failed');
  const state =
    found.state ??
    (misleading.length > 0 ? 'superseded-failure' : historyMax > usualHistoryMax ? 'history-full' : plain);
  return { state, act: 'upgrade', why: '', remove, rollbackTo: good?.revision, historyMax };
}
