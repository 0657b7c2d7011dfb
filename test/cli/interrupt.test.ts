import { expect, it, vi } from 'vitest';
import { interruptible } from '#alohad/cli/interrupt.js';

it('takes a signal that comes twice at once for one press, and a later one for an order to end at once', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await interruptible(async (signal) => {
      // A terminal's own, and a launcher's.
      process.emit('SIGINT');
      process.emit('SIGINT');
      expect(signal.aborted).toBe(true);
      expect(exit).not.toHaveBeenCalled();
      await new Promise((resolve) => setTimeout(resolve, 600));
      process.emit('SIGINT');
      expect(exit).toHaveBeenCalledWith(130);
    });
  } finally {
    vi.restoreAllMocks();
  }
});
