/**
 * What ends a process from outside, and a bug inside: the first asks for a safe stop (the arms hold, park, and only then
 * lose torque), a second one from a person ends the process at once, the arms stiff.
 */
/** Ctrl-C, a service manager, a terminal that is closed (Node does not keep what `nohup` ignores). */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C may come twice: from the terminal to all of its processes, and from a launcher to what it launched [ms]. */
const SAME_PRESS_MS = 500;

/** Runs `work` with a signal that these abort. Throws what `work` throws, or else the error that nobody caught. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let uncaught: unknown;
  let askedMs = -Infinity;
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      // Whoever closes a terminal sends it more than once.
      if (signal === 'SIGHUP' || performance.now() - askedMs < SAME_PRESS_MS) return;
      process.exit(130);
    }
    say(`${signal}: stopping safely; press Ctrl-C again to stop at once`);
    askedMs = performance.now();
    controller.abort();
  };
  const onError = (error: unknown): void => {
    if (uncaught !== undefined) return;
    uncaught = error;
    say('an error that nobody caught: stopping safely');
    controller.abort();
  };
  const onOrphaned = (): void => {
    if (controller.signal.aborted) return;
    say('the program that started this one is gone: stopping safely');
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  // Only a parent that opened a channel can be seen to go.
  if (process.connected) process.on('disconnect', onOrphaned);
  process.on('uncaughtException', onError);
  try {
    const result = await work(controller.signal);
    if (uncaught === undefined) return result;
  } catch (error) {
    if (uncaught === undefined) throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    process.off('disconnect', onOrphaned);
    process.off('uncaughtException', onError);
  }
  throw uncaught;
}

/** A terminal that is gone takes no words. */
function say(text: string): void {
  process.stderr.write(`\n${text}\n`, () => {});
}
