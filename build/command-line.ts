import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/**
 * The flags and words of a command that a person types. Ends the process: with 0 for --help, and with 2 and
 * the usage for what the command does not know.
 */
export function commandLine<Options extends ParseArgsOptionsConfig>(
  usage: string,
  options: Options,
  { words = false }: { words?: boolean } = {},
) {
  const help = { help: { type: 'boolean', short: 'h', default: false } } as const;
  const read = () => {
    try {
      return parseArgs({ options: { ...options, ...help }, allowPositionals: words });
    } catch (error) {
      return refuse((error as Error).message, usage);
    }
  };
  const { values, positionals } = read();
  if ((values as { help?: boolean }).help === true) {
    console.log(usage);
    process.exit(0);
  }
  return { values, positionals };
}

/** Ends the process with 2 and the usage. */
export function refuse(problem: string, usage: string): never {
  console.error(`${problem}\n${usage}`);
  process.exit(2);
}
