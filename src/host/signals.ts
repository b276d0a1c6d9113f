/**
 * What a signal does to this process: `stop` asks for the end at a safe point, `nothing` is what it says,
 * `pause` is job control's, and `kill` is a crash, after which the same command resumes from the record.
 */
export type SignalEffect = 'stop' | 'nothing' | 'pause' | 'kill';

/**
 * Every signal that Linux has a name for. SIGUSR1 would open Node's debugger to every user of the host: the
 * executable is started with `--disable-sigusr1` (sea-config.json), which also keeps it blocked in every
 * thread before our first line.
 */
export const signalEffects: Readonly<Record<string, { effect: SignalEffect; why: string }>> = {
  SIGINT: { effect: 'stop', why: 'Ctrl-C; exit 130' },
  SIGQUIT: { effect: 'stop', why: 'Ctrl-\\; exit 130, and no core dump' },
  SIGTERM: { effect: 'stop', why: 'the end of a session or a service; exit 143' },
  SIGXCPU: { effect: 'stop', why: "the shell's limit of processor time; exit 143, once" },
  SIGHUP: { effect: 'nothing', why: 'a dropped SSH session must not end an upgrade' },
  SIGUSR1: { effect: 'nothing', why: "would open Node's debugger" },
  SIGUSR2: { effect: 'nothing', why: 'not used by this program' },
  SIGALRM: { effect: 'nothing', why: 'a timer left by the program that started this one' },
  SIGVTALRM: { effect: 'nothing', why: 'the same' },
  SIGPROF: { effect: 'nothing', why: 'the same' },
  SIGPIPE: { effect: 'nothing', why: 'the reader is gone; the write reports it' },
  SIGXFSZ: { effect: 'nothing', why: "the shell's file size limit; the write reports it" },
  SIGIO: { effect: 'nothing', why: 'not used by this program' },
  SIGPOLL: { effect: 'nothing', why: 'the same as SIGIO' },
  SIGPWR: { effect: 'nothing', why: 'a monitored power supply; SIGTERM follows' },
  SIGSTKFLT: { effect: 'nothing', why: 'unused' },
  SIGCHLD: { effect: 'nothing', why: 'a program that we started has ended' },
  SIGURG: { effect: 'nothing', why: 'unused' },
  SIGWINCH: { effect: 'nothing', why: 'the terminal has another size' },
  SIGCONT: { effect: 'nothing', why: 'continues after a pause' },
  SIGTSTP: {
    effect: 'pause',
    why: 'Ctrl-Z; `fg` continues. Started programs (Helm) keep running',
  },
  SIGTTIN: { effect: 'pause', why: 'a question, asked in the background' },
  SIGTTOU: { effect: 'pause', why: 'output in the background, where the terminal forbids it' },
  SIGSTOP: { effect: 'pause', why: 'cannot be caught' },
  SIGKILL: { effect: 'kill', why: 'cannot be caught' },
  SIGABRT: { effect: 'kill', why: 'a defect of the runtime' },
  SIGIOT: { effect: 'kill', why: 'the same as SIGABRT' },
  SIGSEGV: { effect: 'kill', why: 'a defect of the runtime, or of the memory' },
  SIGBUS: { effect: 'kill', why: 'a file that could not be read while its bytes were executed' },
  SIGFPE: { effect: 'kill', why: 'a defect of the runtime' },
  SIGILL: { effect: 'kill', why: 'a defect of the runtime' },
  SIGTRAP: { effect: 'kill', why: 'a defect of the runtime' },
  SIGSYS: { effect: 'kill', why: 'a system call that the host forbids' },
};

/**
 * Gives every signal the effect that the table says, unless that is its default; `stop` gets the name of the
 * one that came.
 */
export function handleSignals(stop: (signal: string) => void): void {
  for (const [name, { effect }] of Object.entries(signalEffects)) {
    const signal = name as NodeJS.Signals;
    if (effect === 'stop') process.on(signal, () => stop(signal));
    // Those of job control and of children have their default, which changes nothing.
    else if (effect === 'nothing' && !['SIGCHLD', 'SIGURG', 'SIGWINCH', 'SIGCONT'].includes(signal))
      process.on(signal, () => {});
  }
}
