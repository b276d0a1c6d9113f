import * as z from 'zod';
import { versionSchemes } from '../version.ts';
import { healthRoute } from './health-route-schema.ts';
import { releaseNotesSchema, valuesPath } from './release-notes-schema.ts';

/**
 * Everything that is true of a product whatever its release: payload-spec/PRODUCT/product.yaml, carried in
 * the payload as `product.json`. The code knows only this shape. JSON Schema:
 * payload-spec/product.schema.json, generated from here.
 */

const relativePath = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[A-Za-z0-9._\-/]+$/, 'a relative path inside its folder');
const absolutePath = z.string().regex(/^\/(?!.*(^|\/)\.\.?(\/|$))[A-Za-z0-9._\-/]*$/, 'an absolute path');
const dnsName = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
const programName = z.string().regex(/^[a-z][a-z0-9_-]*$/);
const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, 'the name of an environment variable');
const selector = z.string().regex(/^[A-Za-z0-9./_=,-]+$/);
const sizeBytes = z.int().nonnegative();
/** A name of a FlexNet licence; no option of a program, and no wildcard. */
const featureName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/);

/** Least processors, memory and free room; `room` is per path, added up per file system. */
const requirements = z.strictObject({
  cpus: z.int().positive(),
  memoryBytes: sizeBytes,
  room: z.array(z.strictObject({ path: absolutePath, freeBytes: sizeBytes, why: z.string() })),
});

/** Guards of preflight that a product may let an operator waive; the others protect data. */
export const waivableGuards = z.enum(['cpus', 'memory', 'room', 'k3s-version', 'images']);

/** Where a workload reads something: a path in the values, or a variable of its containers. */
const override = z.union([z.strictObject({ values: valuesPath }), z.strictObject({ env: variableName })]);

/**
 * How a migration is rehearsed on a copy of the database; needs `values.autoMigrate` and `database.login`.
 */
const rehearsal = z.strictObject({
  /** Where the workload that migrates reads the database's name, */
  database: override,
  /** as whom it opens its sessions, */
  user: override,
  /**
   * and its password: in the values the name of a Secret that has the key of `database.login`, in the
   * environment the password itself.
   */
  password: override,
  /** How long a migration may take there. Default: Helm's own timeout. */
  timeoutSeconds: z.int().positive().optional(),
  /** So long an upgrade still tells of it. */
  maxAgeHours: z.int().positive().default(24),
});

const workload = z.strictObject({
  id: dnsName,
  kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet']),
  name: dnsName,
  selector,
});

export const productSchema = z.strictObject({
  /** Short name, used in labels and messages. */
  name: dnsName,
  title: z.string().min(1),
  /** The executable's name as operators type it. */
  command: programName,
  /** Where the product lives on a host; `.installer/` below it is ours. */
  folder: absolutePath,
  namespace: dnsName,
  release: dnsName,
  chart: z.strictObject({
    /** Folder of the chart, in the payload and below `folder`. */
    folder: relativePath,
    /** `name` in Chart.yaml. */
    name: z.string().min(1),
  }),
  values: z.strictObject({
    /** The operator's values file below `folder`. */
    file: relativePath,
    /** Payload entry from which a fresh install writes it; `{{fqdn}}` and such are the keys below. */
    template: relativePath,
    /** Where the answers of a fresh install live in the file. */
    keys: z.strictObject({ fqdn: valuesPath, storagePath: valuesPath.optional() }),
    /** The value that lets the product migrate its schema at start, and what it reads as when on. */
    autoMigrate: z
      .strictObject({
        path: valuesPath,
        on: z.string(),
        off: z.string(),
        /** The workload that reads the flag at start only. */
        workload: dnsName,
        /** Shown when the flag changed and the pod still runs with the old one. */
        restartSelector: selector,
      })
      .optional(),
    /** Paths whose values are secret: never printed, logged or put into an argv. */
    secrets: z.array(valuesPath).default([]),
  }),
  archives: z.strictObject({
    /** Archive of the core images, a name in the payload and below `folder`. */
    core: relativePath,
    /** Folder of the connectors' archives, below `folder`. */
    connectorsFolder: relativePath.optional(),
  }),
  /** Entitlement of the licence -> connector's name; its archive is `connectorsFolder/NAME.tar.gz`. */
  entitlements: z
    .record(
      z.string(),
      z.strictObject({
        connector: dnsName,
        /**
         * The connector's switch in the values: a fresh install writes `true` there when the licence grants
         * it, else `false`.
         */
        enabledPath: valuesPath.optional(),
        /** Its name in a FlexNet licence, where that is not the entitlement's own. */
        feature: featureName.optional(),
        /** The least version that the feature must have there; a decimal number. Without it any. */
        leastVersion: z
          .string()
          .regex(/^\d{1,40}(\.\d{1,40})?$/)
          .optional(),
      }),
    )
    .default({}),
  license: z
    .strictObject({
      /** Secret in the namespace that holds the licence file, and its key. */
      secret: dnsName,
      key: z.string(),
      /**
       * Whether a FlexNet licence's server must answer before an install or an upgrade; otherwise one that
       * does not is a warning.
       */
      server: z.enum(['required', 'optional']).default('optional'),
      /** Fewer days left than that are a warning. */
      warnDays: z.int().nonnegative().default(30),
      /** The payload's tool that asks the server: FlexNet's own `lmutil`, where the vendor packs it. */
      tool: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]*$/)
        .default('lmutil'),
    })
    .optional(),
  /**
   * Secrets that a fresh install generates: each key gets random text of that many bytes, written once, never
   * replaced.
   */
  generatedSecrets: z
    .array(z.strictObject({ name: dnsName, keys: z.record(z.string(), z.int().min(8).max(256)) }))
    .default([]),
  database: z.strictObject({
    kind: z.literal('postgres'),
    selector,
    container: dnsName,
    user: z.string(),
    name: z.string(),
    /** Name of the dump in a backup's folder. */
    dumpFile: relativePath,
    /** Read-only; one row, one integer column: the schema version. No row or no table reads as 0. */
    schemaVersionQuery: z.string(),
    /**
     * How long the database may take, once Helm has failed, to tell what became of its schema. Default 180.
     */
    answerSeconds: z.int().positive().optional(),
    /**
     * What an upgrade does whose chart runs another major version of PostgreSQL, which cannot read the data
     * folder. `refuse` (default): preflight refuses it. `dump-restore`: all workloads are stopped, the
     * database is dumped and restored by the new server into a new folder beside the old one, which is kept.
     * The image of the database has to make a new cluster where its folder is empty; the volume has to be a
     * folder of the installer's.
     */
    majorUpgrade: z.enum(['refuse', 'dump-restore']).optional(),
    /**
     * As whom the product's pods open their sessions, and the Secret that gives them the password. Preflight
     * tries it. Without it that is not asked.
     */
    login: z
      .strictObject({
        user: z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]*$/),
        secret: z.strictObject({ name: dnsName, key: z.string().regex(/^[-._A-Za-z0-9]+$/) }),
      })
      .optional(),
    /**
     * The data folder's volume: a PersistentVolume (Retain) and claim that the installer makes and the chart
     * only mounts.
     */
    volume: z.strictObject({
      persistentVolume: dnsName,
      claim: dnsName,
      defaultPath: absolutePath,
      capacity: z.string().regex(/^[0-9]+(Mi|Gi|Ti)$/),
      /** Least free room on the data folder's disk for a new database. Default 1 GiB. */
      freeBytes: sizeBytes.optional(),
      /**
       * Present where the database may lie on a volume of one of the cluster's StorageClasses instead: the
       * chart only mounts the claim, and the installer makes it with the class. `valuesPath` is where the
       * chart wants to be told the class's name. Only classes whose reclaim policy is Retain are taken.
       */
      storageClass: z.strictObject({ valuesPath: valuesPath.optional() }).optional(),
      /** Owner of the data folder on the host. */
      uid: z.int().nonnegative(),
      gid: z.int().nonnegative(),
    }),
  }),
  workloads: z.array(workload).min(1),
  /** Without it no migration can be rehearsed. */
  rehearsal: rehearsal.optional(),
  health: z.array(healthRoute).min(1),
  helm: z.strictObject({
    timeoutSeconds: z.int().positive(),
    /** Value of Helm's `--wait`. */
    wait: z.enum(['watcher', 'legacy', 'hookOnly']),
    /**
     * How long what keeps a workload from ever becoming ready (no image, no node, no pod allowed) may last
     * before Helm's wait is ended. A volume that does not come gets twice as long, a crash loop three times.
     * Default 90.
     */
    graceSeconds: z.int().min(10).optional(),
  }),
  requirements: z.strictObject({ install: requirements, upgrade: requirements }),
  preflight: z
    .strictObject({
      /** Guards that `--waive ID=REASON` may let pass; health checks may be waived always. */
      waivable: z.array(waivableGuards).default([]),
    })
    .default({ waivable: [] }),
  /**
   * Room that dumps, archives and logs leave free on their disk, whichever is more: a full disk stops the
   * database. At most 10 GiB, and a tenth of a small disk. Without it 1 GiB or 5 %.
   */
  reserve: z.strictObject({ bytes: sizeBytes, percent: z.number().min(0).max(50) }).optional(),
  k3s: z.strictObject({
    /** Semver range of the Kubernetes version. */
    versionRange: z.string(),
    kubeconfig: absolutePath,
    containerdSocket: absolutePath,
  }),
  versions: z.strictObject({
    scheme: z
      .enum(versionSchemes)
      .optional()
      .describe(
        'How the product counts its releases: `calver` (default), YYYY.N[.P][-pre], or `semver`, ' +
          'MAJOR.MINOR.PATCH[-pre][+build] by Semantic Versioning 2.0.0. It cannot be changed for hosts ' +
          'that have a release already.',
      ),
    /** Oldest installed version that an upgrade accepts. */
    minimumSource: z.string(),
    /** How many majors an upgrade may move without consent. */
    maxMajorStep: z.int().positive(),
    requiredReleases: z
      .array(z.string())
      .optional()
      .describe(
        'Releases that no upgrade passes over: from an older one to a newer one, each of them is ' +
          'installed first, in their order. For what only they can migrate.',
      ),
    /** Title of the guide for hosts without installer state. */
    legacyGuide: z.string(),
  }),
  /** Where and under which names `activate` puts this program on PATH, besides `command`. */
  onPath: z
    .strictObject({
      /** Programs lie in `bin` below it, their man pages and completions in `share`. Default /usr/local. */
      prefix: absolutePath.optional(),
      /** Name of `k3s kubectl -n NAMESPACE`. Default `COMMAND_kubectl`. */
      kubectl: programName.optional(),
      /** Name of the program that dumps the database. Default `COMMAND_pgdump`. */
      pgDump: programName.optional(),
    })
    .optional(),
  backup: z.strictObject({
    /** A completed dump older than this is taken again. */
    maxAgeMinutes: z.int().positive(),
    /** How long a dump waits for a table that another session holds. */
    lockTimeoutSeconds: z.int().min(1).max(86_400).default(60),
    /** `backup prune` keeps the newest so many backups that were taken by hand, */
    keepCount: z.int().min(1).default(5),
    /** and those that are younger than that. */
    keepDays: z.int().nonnegative().default(30),
  }),
});

export type Product = z.infer<typeof productSchema>;
export type HealthRoute = Product['health'][number];
export type Requirements = Product['requirements']['install'];

/**
 * A change of the operator's values that a release needs: applied while its predicate holds, whatever the
 * source version. The operator's own file is never edited: `set` goes to an overlay that is passed on every
 * Helm call.
 */
const valuesPatchSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  why: z.string(),
  /**
   * All must hold on the operator's file. `equals` compares the value at `path`, `absent: true` its absence.
   */
  when: z.array(
    z.union([
      z.strictObject({ path: valuesPath, equals: z.json() }),
      z.strictObject({ path: valuesPath, absent: z.literal(true) }),
      z.strictObject({ path: valuesPath, present: z.literal(true) }),
    ]),
  ),
  set: z.array(z.strictObject({ path: valuesPath, value: z.json() })),
});

/** What is true of one release: next to the product's data in the payload, as `release.json`. */
export const releaseSchema = z.strictObject({
  version: z.string(),
  schema: z.strictObject({ min: z.int().nonnegative(), target: z.int().nonnegative() }),
  /** Major version of PostgreSQL that the chart renders. */
  postgresMajor: z.int().positive(),
  valuesPatches: z.array(valuesPatchSchema).default([]),
  /**
   * Of this release and of the ones before it: an upgrade prints those of the releases that it passes, and
   * checks the operator's values against them.
   */
  notes: z.array(releaseNotesSchema).default([]),
});

export type Release = z.infer<typeof releaseSchema>;
