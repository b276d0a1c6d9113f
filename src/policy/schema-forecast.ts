/** What is known of the database's schema and of who would move it. */
export interface SchemaFacts {
  /** Version now; undefined where the database could not be asked. */
  now: number | undefined;
  /** Lowest version that the new release works with, and the one that it is made for. */
  min: number;
  target: number;
  /** The product's own migration: undefined where it has none. */
  automatic:
    | {
        on: boolean;
        /** The operator's switch and its value, as a clause: `server.env.MIGRATE is "true"`. */
        flag: string;
        /** Whether the pod that migrates is restarted; undefined where that is not known. */
        restarts: boolean | undefined;
        workload: string;
        /** Command that restarts it. */
        restart: string;
      }
    | undefined;
}

export interface SchemaForecast {
  /**
   * `none`: it is where it should be; `product`: the product moves it when it starts; `after-restart`: it
   * does so once a pod is deleted by hand; `stays`: nothing in this run moves it; `unknown`.
   */
  change: 'none' | 'product' | 'after-restart' | 'stays' | 'unknown';
  line: string;
}

/** What an upgrade is expected to do to the schema, in one sentence. */
export function forecastSchema({ now, min, target, automatic }: SchemaFacts): SchemaForecast {
  if (now === undefined) {
    return {
      change: 'unknown',
      line: `schema: the version now is not known; this release's is ${target}`,
    };
  }
  if (now === target) return { change: 'none', line: `schema: version ${now}, no change` };
  const at = `schema: version ${now} now, this release's is ${target}`;
  if (now > target)
    return { change: 'stays', line: `${at}: newer than this release, which leaves it as it is` };
  const works = now >= min ? `the release works from ${min} on` : `! the release needs at least ${min}`;
  if (automatic === undefined) return { change: 'stays', line: `${at}: nothing migrates it; ${works}` };
  const { on, flag, restarts, workload, restart } = automatic;
  if (!on) return { change: 'stays', line: `${at}: it stays, since ${flag}; ${works}` };
  if (restarts === false) {
    const line =
      `${at}: ${workload} migrates when it starts, and this ` +
      `run does not restart it. Afterwards: ${restart}`;
    return { change: 'after-restart', line };
  }
  return { change: 'product', line: `${at}: ${workload} migrates by itself when it starts (${flag})` };
}
