import { emptyState, type State } from '../../engine/state.ts';
import type { ReleaseRecord } from '../../host/helm-record.ts';
import { isGoodRecord } from '../../policy/helm-states.ts';
import { compareVersions, formatVersion, parseVersion, sameVersion, schemeOf } from '../../version.ts';
import { agreeingVersions } from '../../release/agreeing-versions.ts';
import { readHelmJournal } from '../../host/helm-process.ts';
import { likely } from '../../queries/host-evidence.ts';
import { refused, type Repair, type RepairFacts } from './facts.ts';
import { judgeSchema } from './schema.ts';
import { broughtBack } from './sources.ts';
import { marked, unfinished, unfinishedUpgrade, withVersion } from './repaired-state.ts';
import { noStateRefusal, unknownCluster } from '../../queries/without-state.ts';
import { isRemoving } from '../../release/uninstall-record.ts';
import { foreign } from '../../foreign.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import { sudo } from '../../shell-word.ts';

/**
 * The state that matches this host, or why none can be proposed. Never proposes what the database's schema
 * contradicts.
 */
export function proposeRepair(facts: RepairFacts): Repair {
  const repair = propose(facts);
  if (repair.kind !== 'proposed' || repair.state?.installed === undefined) return repair;
  return { ...repair, lines: [...lostDataLines(facts), ...repair.lines] };
}

/** Nobody may read "installed" where the data are gone. */
function lostDataLines({ evidence: { volume }, hasData, putAside }: RepairFacts): string[] {
  const { path, there = true } = (volume.known ? volume.value : null) ?? {};
  if (path === undefined || (there && hasData)) return [];
  return [
    there
      ? `the data folder ${path} is empty: the database starts as an empty one, without the rows of before`
      : `the data folder ${path} is gone: the database cannot start, and in a new folder it starts as an ` +
        'empty one, without the rows of before',
    putAside.length === 0
      ? `nothing beside it looks like the data: mount their disk, or restore the last dump, before it is used`
      : `beside it: ${putAside.join(', ')}; if those are the data, rename them back before it is used`,
  ];
}

function propose(facts: RepairFacts): Repair {
  const { evidence, state, problem, opened, program } = facts;
  const { records, workloads } = evidence;
  if (state === undefined && likely(evidence) !== 'ours') {
    return { kind: 'refused', ...noStateRefusal(evidence, opened, program, { none: problem }) };
  }
  if (state?.run !== undefined && isRemoving(state)) {
    const message = `an uninstall of ${state.run.to} has begun to remove it, and is not finished`;
    return refused('version', message, resumeCommand(state.run));
  }
  if (!records.known || !workloads.known) {
    const { message, hint } = unknownCluster(evidence, problem);
    return refused('preflight', message, hint);
  }
  const { product } = opened;
  const last = records.value.at(-1);
  const isOther = last?.content !== undefined && last.content.chart !== product.chart.name;
  if (isOther) {
    const message =
      `the Helm release ${product.release} uses the chart ` +
      `${foreign(last.content?.chart ?? '')}, not ${product.chart.name}`;
    return refused('version', message, `follow the guide "${product.versions.legacyGuide}"`);
  }
  if (last?.status.startsWith('uninstall') === true) {
    const message =
      `the Helm release ${product.release} is ` +
      `${last.status}: the removal of the product was ` +
      'started';
    return refused('preflight', message, recordsCommand(facts));
  }
  const unreadable = records.value.find(
    (record) => record.content === undefined && (record === last || isGood(record)),
  );
  if (unreadable !== undefined) {
    const message = `Helm's record of revision ${unreadable.revision} cannot be read`;
    return refused('preflight', message, recordsCommand(facts));
  }
  if (state !== undefined && state.installed === undefined) {
    return { kind: 'nothing', message: unfinishedInstall(state, program) };
  }
  if (last === undefined) return withoutRecords(facts, workloads.value);
  const good = records.value.findLast(isGood);
  return good === undefined ? firstInstall(facts, last) : fromRelease(facts, good, last);
}

const isGood = ({ status, content }: ReleaseRecord) =>
  isGoodRecord({ status, description: content?.description ?? '' });

const recordsCommand = ({ opened: { product } }: RepairFacts) =>
  `${sudo.kubectl} get secrets -n ${product.namespace} -l owner=helm,name=${product.release} ` +
  '-L status,version';

function unfinishedInstall({ run }: State, program: string): string {
  if (run === undefined)
    return `the state can be read, and nothing is installed. To install: ${program} install --help`;
  return (
    `the state can be read, and the install of ${run.to} has ` +
    `not completed. To resume it: ${resumeCommand(run)}`
  );
}

/** The release from Helm's records, when a revision of it was good once. */
function fromRelease(facts: RepairFacts, good: ReleaseRecord, last: ReleaseRecord): Repair {
  const { state, opened, evidence, schemaNow } = facts;
  const { product, release } = opened;
  const scheme = schemeOf(product);
  const found = parseVersion(good.content?.version ?? '', scheme);
  const oldest = parseVersion(product.versions.minimumSource, scheme);
  if (found === undefined || (oldest !== undefined && compareVersions(found, oldest) < 0)) {
    const message =
      `the version of the Helm release is ${good.content?.version}; the oldest ` +
      `version that this installer manages is ${product.versions.minimumSource}`;
    return refused('version', message, `follow the guide "${product.versions.legacyGuide}"`);
  }
  const version = formatVersion(found);
  const back = state === undefined || last !== good ? undefined : broughtBack(state, schemaNow);
  if (back !== undefined && !sameVersion(back.from, version))
    return upgradeTakenBack(facts, { ...back, to: version, release: good });
  if (state !== undefined && agrees(state, [good, last], evidence.chart?.version)) {
    return valuesOnly(facts, good) ?? { kind: 'nothing', message: agreement(state, last) };
  }
  const schema = judgeSchema(facts, version);
  if (schema.kind === 'refused') return schema;
  const to = last === good ? schema.movedFor : (last.content?.version ?? release.version);
  const repaired = withVersion(facts, version, good.content?.deployedAt ?? '');
  const lines = [...installedLines(repaired)];
  if (to !== undefined) {
    if (!isSameUpgrade(repaired, version, to)) {
      const { before } = schema;
      repaired.run = unfinishedUpgrade(facts, { from: version, to, schema: before, revision: good.revision });
    }
    const moved =
      schema.movedFor === undefined
        ? ''
        : `; the schema has moved from version ${schema.before ?? 'unknown'} to ${schemaNow}`;
    lines.push(
      `an upgrade to ${to} is unfinished (Helm's revision ${last.revision} is ${last.status})${moved}`,
    );
  }
  return proposed(facts, repaired, { lines, next: 'install --upgrade', release: good });
}

/**
 * The dump from before was restored, but Helm's record still has the new version: the upgrade can be resumed
 * or taken back.
 */
function upgradeTakenBack(
  facts: RepairFacts,
  { from, schema, to, release }: { from: string; schema: number; to: string; release: ReleaseRecord },
): Repair {
  const completed = facts.state?.history.findLast(
    (run) => run.status === 'completed' && sameVersion(run.to, from),
  );
  const repaired = withVersion(facts, from, completed?.finishedAt ?? '');
  repaired.run = unfinishedUpgrade(facts, { from, to, schema, revision: release.revision });
  const isOld = sameVersion(from, facts.opened.release.version);
  const lines = [
    ...installedLines(repaired),
    `the database was restored to ${from} (schema version ` +
      `${schema}): the upgrade to ${to} is treated as unfinished`,
  ];
  return proposed(facts, repaired, {
    lines,
    next: `install --upgrade${isOld ? ' --supersede' : ''}`,
    release,
  });
}

/** Whether the state's run is that upgrade: its steps are kept then. */
const isSameUpgrade = ({ run }: State, from: string, to: string): boolean =>
  run?.flow === 'upgrade' &&
  run.status !== 'completed' &&
  sameVersion(run.from ?? '', from) &&
  sameVersion(run.to, to);

const agreement = ({ installed, run }: State, last: ReleaseRecord): string => {
  const unfinished = run?.status === 'failed' || run?.status === 'running';
  const more = unfinished
    ? `; the ${run.flow} to ${run.to} is unfinished, and the same command resumes it`
    : '';
  return (
    `the state matches the host: ${installed?.version}, Helm's ` +
    `revision ${last.revision} is ${last.status}${more}`
  );
};

function agrees(state: State, records: readonly ReleaseRecord[], chart: string | undefined): boolean {
  const { known, onDisk } = agreeingVersions(state);
  const among = (versions: readonly string[], version: string | undefined) =>
    version !== undefined && versions.some((one) => sameVersion(one, version));
  return among(onDisk, chart) && records.every(({ content }) => among(known, content?.version));
}

/** The state is right; only the values file is missing. */
function valuesOnly(facts: RepairFacts, good: ReleaseRecord): Repair | undefined {
  if (!facts.valuesMissing) return undefined;
  return {
    kind: 'proposed',
    state: undefined,
    values: good,
    lines: valuesLines(facts, good),
    next: 'install --upgrade',
  };
}

/** Made by an install that was cut off: the volume has no data, and there are no backups. */
const isOurEmptyVolume = ({ evidence: { volume, copies }, hasData }: RepairFacts): boolean =>
  volume.known && volume.value?.ours === true && !hasData && copies.length === 0;

/** Helm has no record of the release; its objects may exist all the same, and can be installed over. */
function withoutRecords(facts: RepairFacts, workloads: readonly string[]): Repair {
  const { state, opened, evidence } = facts;
  const { product, release } = opened;
  if (state !== undefined && readHelmJournal(state.helm).emptied === true) {
    return {
      kind: 'nothing',
      message:
        'the state records that Helm has no record: the next upgrade installs over the existing objects',
    };
  }
  if (workloads.length === 0) {
    if (state === undefined && isOurEmptyVolume(facts))
      return installAnew(facts, release.version, 'the release has no objects yet');
    const where = evidence.volume.known ? evidence.volume.value?.path : undefined;
    const message =
      `Helm has no record of the release ${product.release} and the cluster no workload of it: ` +
      'there is nothing to ' +
      `manage${where === undefined ? '' : `; the database's data is in ${where}`}`;
    return refused('preflight', message, `${sudo.kubectl} get all -n ${product.namespace}`);
  }
  const version = state?.installed?.version ?? evidence.chart?.version;
  const found = parseVersion(version ?? '', schemeOf(product));
  if (found === undefined) {
    const message = 'neither Helm, a state nor the chart on disk shows which version runs';
    return refused(
      'preflight',
      message,
      `${sudo.kubectl} get deployments,statefulsets -n ${product.namespace} -o wide`,
    );
  }
  const schema = judgeSchema(facts, formatVersion(found));
  if (schema.kind === 'refused') return schema;
  // Only the record is gone: a state that can be read stays as it is.
  const repaired =
    state === undefined
      ? withVersion(facts, formatVersion(found), '')
      : marked(facts, structuredClone(state), []);
  repaired.helm = { ...repaired.helm, emptied: true };
  if (state === undefined) repaired.repair?.unknown.push('Helm release');
  const lines = [
    ...installedLines(repaired),
    `Helm has no record of it: the next upgrade installs over ${workloads.join(', ')}, which belong to it`,
  ];
  return proposed(facts, repaired, { lines, next: 'install --upgrade', release: undefined });
}

/** No revision was ever good: an install that had not completed when its state was lost. */
function firstInstall(facts: RepairFacts, last: ReleaseRecord): Repair {
  const { opened, state } = facts;
  const version = last.content?.version ?? '';
  if (state !== undefined) return neverGood(facts, state, last);
  if (facts.evidence.copies.length > 0 || holdsOlderData(facts)) {
    const message =
      `no revision of the Helm release ever ran (${last.revision} is ` +
      `${last.status}), but the database's folder holds older data of an unknown ` +
      'version';
    return refused('version', message, recordsCommand(facts));
  }
  if (!sameVersion(version, opened.release.version)) {
    const message =
      `the first install of ${version} has not completed (revision ${last.revision} ` +
      `is ${last.status}), and this package is ${opened.release.version}`;
    return refused('version', message, `run repair-state with the package of ${version}`);
  }
  return installAnew(facts, version, `Helm's revision ${last.revision} is ${last.status}`);
}

/**
 * An install would migrate any older data in the folder, without a dump; an empty or current schema is its
 * own.
 */
function holdsOlderData({ hasData, schemaNow, opened: { release } }: RepairFacts): boolean {
  return hasData && schemaNow !== 0 && schemaNow !== release.schema.target;
}

/**
 * A readable state, but no revision ever ran: somebody else ran Helm, or one of our Helms failed at once.
 */
function neverGood(facts: RepairFacts, state: State, last: ReleaseRecord): Repair {
  const { evidence } = facts;
  const version = last.content?.version;
  if (!agrees(state, [last], version)) {
    const message =
      `the state says that ${state.installed?.version} is installed, but no revision of the ` +
      `Helm release ever ran (${last.revision} of ${version} is ${last.status})`;
    return refused('version', message, recordsCommand(facts));
  }
  if (agrees(state, [last], evidence.chart?.version)) {
    return valuesOnly(facts, last) ?? { kind: 'nothing', message: agreement(state, last) };
  }
  const repaired = marked(facts, structuredClone(state), []);
  return proposed(facts, repaired, {
    lines: installedLines(repaired),
    next: 'install --upgrade',
    release: last,
  });
}

function installAnew(facts: RepairFacts, version: string, why: string): Repair {
  const repaired = marked(facts, emptyState(facts.opened.product.name, schemeOf(facts.opened.product)), [
    'answers',
  ]);
  repaired.run = unfinished(facts, { flow: 'install', from: null, to: version });
  const lines = [`the install of ${version} has not completed: ${why}`];
  return proposed(facts, repaired, { lines, next: 'install', release: undefined });
}

function installedLines({ installed, repair }: State): string[] {
  if (installed === undefined) return [];
  const unknown = repair?.unknown ?? [];
  return [
    `installed: ${installed.version}, completed ${installed.completedAt}`,
    ...(unknown.length === 0 ? [] : [`not known: ${unknown.join(', ')}`]),
  ];
}

function valuesLines({ opened: { paths } }: RepairFacts, { revision }: ReleaseRecord): string[] {
  return [
    `${paths.values} is missing: it is written again with the ` +
      `values of Helm's revision ${revision}, without comments`,
  ];
}

function proposed(
  facts: RepairFacts,
  state: State,
  { lines, next, release }: { lines: string[]; next: string; release: ReleaseRecord | undefined },
): Repair {
  const values = facts.valuesMissing ? release : undefined;
  const chart = facts.evidence.chart?.version;
  const installed = state.installed?.version;
  const other = installed !== undefined && (chart === undefined || !sameVersion(chart, installed));
  return {
    kind: 'proposed',
    state,
    values,
    next,
    lines: [
      ...lines,
      ...(other ? [`the chart on disk is ${chart ?? 'missing'}: the next upgrade replaces it`] : []),
      ...(state.installed === undefined
        ? []
        : ['the next upgrade takes a fresh dump, which --skip-backup does not skip']),
      ...(values === undefined ? [] : valuesLines(facts, values)),
    ],
  };
}
