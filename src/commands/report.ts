import { IvaapError } from '../errors.ts';
import { runReport } from '../queries/run-report.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { printableLine } from '../ui/sanitize.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

const formatOf = ({ options, json }: Pick<Invocation, 'options' | 'json'>): 'html' | 'json' =>
  json || options.format === 'json' ? 'json' : 'html';

/** `report`: a run's report, from its log. */
export const reportCommand: Command = {
  arguments: [{ name: '[run]', summary: 'id of a run, or the path of its log (default: the last run)' }],
  options: [
    {
      flags: '--output <file>',
      summary: 'the file to write (default: beside the log, RUN.report.html; JSON: standard output)',
    },
    { flags: '--open', summary: 'also open the page, where there is a graphical session with xdg-open' },
    {
      flags: '--format <format>',
      summary: 'html (the default), or json: the same as data (docs/json.md)',
      choices: ['html', 'json'],
    },
    { flags: '--json', summary: 'the same as --format json; an error is JSON, too' },
  ],
  touches: [
    'Reads the log of a run and nothing else of the host: who ran what and when, the package, the plan and ' +
      'what happened, when the product was down, preflight, dumps, warnings and the exit code. Prints one ' +
      'line for a change ticket.',
    'Every run writes its report beside its log when it ends. The page needs no network and no script, and ' +
      'prints on A4. It is readable by its owner alone, and holds no secrets, as the log.',
    'A log that is cut off or damaged gives a report that says what is missing. Works without root where ' +
      'the log can be read. --output replaces no file.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --format json', (await import('../report/report-schema.ts')).runReportSchema),
  ],
  examples: [
    ['report', 'writes the report of the last run again and prints its summary'],
    ['report --output /var/tmp/report.html', 'writes it to another folder'],
    ['report --format json', 'prints it as data'],
  ],
  exits: ['usage', 'payload', 'failed', 'nothing_to_do', 'interrupted', 'terminated'],
  exitMeanings: { nothing_to_do: 'no run has left a log on this host' },
  check({ options, json, again }) {
    if (options.open !== true || formatOf({ options, json }) === 'html') return;
    throw new IvaapError('usage', '--open shows the page, and JSON has none', {
      hint: again({ without: ['--open'] }),
    });
  },
  async run({ args, options, json, signal, secondSignal, program, again }) {
    assertStdoutOpen();
    const [run] = args;
    const format = formatOf({ options, json });
    const output = options.output as string | undefined;
    const ports = { emit: () => {}, signal, insist: secondSignal, program, again, confirm: undefined };
    const made = await runReport({ run, output, format, open: options.open === true }, ports);
    const { report, path, notOpened } = made;
    const lines =
      path === undefined
        ? [JSON.stringify(report)]
        : [
            printableLine(report.summary),
            `report: ${printableLine(path)}`,
            ...(notOpened === undefined ? [] : [`not opened: ${printableLine(notOpened)}`]),
          ];
    await answer(`${lines.join('\n')}\n`, signal);
  },
};
